/** What people prepare for devices that register themselves: provisioning keys, the queue of those that wait, claim codes. */
import { createHash, randomBytes } from 'node:crypto';
import type { Page, PageRequest, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { requireMove } from '../device-state.js';
import { hashClaimCode, newClaimCode, normalizeClaimCode } from './claim-code.js';
import { checkTemplate } from './device-name.js';
import type { ProvisioningStore, ProvisioningStores } from './ports.js';

/** Tells a provisioning key from other secrets, so that scanners of leaked secrets can find it. */
export const PROVISIONING_KEY_PREFIX = 'tfp_';
const SHOWN_CHARACTERS = PROVISIONING_KEY_PREFIX.length + 6;
export const hashProvisioningKey = (key: string): Buffer => createHash('sha256').update(key, 'utf8').digest();

/** Where devices find the server, for what is printed for them. */
export interface ServerAddress {
  readonly url: string;
  /** SHA-256 of the own certificate authority's DER in hexadecimal, where the server has one. */
  readonly authorityFingerprint: string | undefined;
}

export class ProvisioningService {
  constructor(
    private readonly store: ProvisioningStore,
    private readonly transact: Transact<ProvisioningStores>,
    private readonly newId: () => string,
    private readonly address: () => ServerAddress,
    private readonly now: () => Date = () => new Date(),
  ) {}

  async listKeys(scope: ProjectScope): Promise<Resource<'ProvisioningKey'>[]> {
    return await this.store.listKeys(scope);
  }

  /** @throws provisioning.name-invalid, provisioning.key-exists, registry.type-not-found */
  async addKey(
    actor: string,
    scope: ProjectScope,
    request: Resource<'ProvisioningKeyCreate'>,
  ): Promise<Resource<'ProvisioningKeyCreated'>> {
    checkTemplate(request.nameTemplate);
    const { expiresInSeconds, ...settings } = request;
    const key = PROVISIONING_KEY_PREFIX + randomBytes(32).toString('base64url');
    return await this.transact(async ({ provisioning, audit }) => {
      await provisioning.addKey(scope, {
        ...settings,
        types: [...new Set(settings.types)],
        id: this.newId(),
        hash: hashProvisioningKey(key),
        prefix: key.slice(0, SHOWN_CHARACTERS),
        expiresAt: expiresInSeconds === null ? null : this.later(expiresInSeconds),
        createdBy: actor,
      });
      await audit.append(scope, {
        actor,
        action: 'provisioning-key.made',
        target: request.name,
        after: { ...request },
      });
      const made = (await provisioning.listKeys(scope)).find(({ name }) => name === request.name);
      if (!made) throw new FleetError('provisioning.key-not-found', { key: request.name });
      return { ...made, key };
    });
  }

  /** @throws provisioning.key-not-found */
  async revokeKey(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ provisioning, audit }) => {
      const known = (await provisioning.listKeys(scope)).find((key) => key.name === name);
      if (!known || !(await provisioning.revokeKey(scope, name)))
        throw new FleetError('provisioning.key-not-found', { key: name });
      const before = { state: known.state, types: known.types, used: known.used, quota: known.quota };
      await audit.append(scope, { actor, action: 'provisioning-key.revoked', target: name, before });
    });
  }

  async listEnrolments(
    scope: ProjectScope,
    state: 'pending' | 'approved' | 'rejected',
    page: PageRequest,
  ): Promise<Page<Resource<'Enrolment'>>> {
    return await this.store.listEnrolments(scope, state, page);
  }

  /** Also one that was rejected. @throws registry.device-not-found, provisioning.not-waiting */
  async approve(actor: string, scope: ProjectScope, device: string): Promise<void> {
    await this.decide(actor, scope, device, 'approved');
  }

  /** Its credentials end. @throws registry.device-not-found, provisioning.not-waiting */
  async reject(actor: string, scope: ProjectScope, device: string): Promise<void> {
    await this.decide(actor, scope, device, 'rejected');
  }

  private async decide(
    actor: string,
    scope: ProjectScope,
    device: string,
    to: 'approved' | 'rejected',
  ): Promise<void> {
    const from = to === 'approved' ? ['pending', 'rejected'] : ['pending'];
    await this.transact(async ({ provisioning, devices, credentials, audit, events }) => {
      const { id, state } = await devices.lock(scope, device);
      if (!(await provisioning.decide(scope, device, { from, to, by: actor })))
        throw new FleetError('provisioning.not-waiting', { device });
      if (to === 'rejected') await credentials.revoke(scope, device, undefined);
      else if (state === 'registered') await devices.move(scope, [id], 'claim');
      await audit.append(scope, { actor, action: `device.${to}`, target: device });
      await events.emit(scope, 'device.updated', { device });
    });
  }

  /**
   * A code for the device of that name, which is made when there is none and a type is given.
   * @throws registry.device-not-found, registry.type-not-found, registry.state-invalid
   */
  async makeClaimCode(
    actor: string,
    scope: ProjectScope,
    device: string,
    { type, expiresInSeconds }: Resource<'ClaimCodeCreate'>,
  ): Promise<Resource<'ClaimCode'>> {
    const code = newClaimCode();
    const expiresAt = this.later(expiresInSeconds);
    await this.transact(async ({ provisioning, devices, audit, events }) => {
      const known = await devices.lock(scope, device).then(
        ({ state }) => state,
        async (error: unknown) => {
          if (type === undefined) throw error;
          await devices.add(scope, [{ ...bareDevice, name: device, type }]);
          return undefined;
        },
      );
      const isNew = known === undefined;
      if (known === 'retired') requireMove(device, known, 'claim');
      await provisioning.addCode(scope, device, {
        id: this.newId(),
        hash: hashClaimCode(normalizeClaimCode(code) ?? ''),
        expiresAt,
        createdBy: actor,
      });
      await audit.append(scope, {
        actor,
        action: 'device.claim-code-made',
        target: device,
        detail: { expiresAt: expiresAt.toISOString(), isNew },
      });
      if (isNew) await events.emit(scope, 'device.registered', { device });
    });
    return { device, code, expiresAt: expiresAt.toISOString(), uri: this.claimUri(code) };
  }

  private claimUri(code: string): string {
    const { url, authorityFingerprint } = this.address();
    const query = new URLSearchParams({ server: url, code });
    if (authorityFingerprint !== undefined) query.set('ca', authorityFingerprint);
    return `tinyfleet://claim?${query.toString()}`;
  }

  private later(seconds: number): Date {
    return new Date(this.now().getTime() + seconds * 1_000);
  }
}

/** What a device has that nobody said anything of. */
export const bareDevice = {
  tags: [],
  site: '',
  hardwareRevision: '',
  notes: '',
  location: null,
  attributes: {},
} as const;
