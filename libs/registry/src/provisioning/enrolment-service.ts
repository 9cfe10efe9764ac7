/**
 * What devices call: an identity for a provisioning key or a claim code, and the next certificate. Everything that comes in is
 * a stranger's. Guessing is slowed down by the caller (provisioning.controller.ts).
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { CredentialService } from '../credentials/credential-service.js';
import { newToken } from '../credentials/token.js';
import type { AuthorityService, Signed } from './authority-service.js';
import { hashClaimCode, normalizeClaimCode } from './claim-code.js';
import { deviceName } from './device-name.js';
import type { HeldKey, ProvisioningStores } from './ports.js';
import { bareDevice, hashProvisioningKey } from './provisioning-service.js';

type Provisioned = Resource<'Provisioned'>;
type Request = Resource<'ProvisionRequest'>;

export interface EnrolmentOptions {
  /** Days that a certificate is valid that a device asked for itself. */
  readonly certificateDays: number;
}
export const enrolmentDefaults: EnrolmentOptions = { certificateDays: 365 };

/** Names tried for one device; the last number is half a million further. */
const NAME_TRIES = 20;

export class EnrolmentService {
  constructor(
    private readonly transact: Transact<ProvisioningStores>,
    private readonly credentials: CredentialService,
    private readonly authorities: AuthorityService,
    private readonly options: EnrolmentOptions = enrolmentDefaults,
  ) {}

  /** @throws errors of area `provisioning` */
  async provision(request: Request, address: string): Promise<Provisioned> {
    return request.code === undefined
      ? await this.byKey(request, request.key ?? '', address)
      : await this.byCode(request.code, request.csr, address);
  }

  private async byCode(typed: string, csr: string | undefined, address: string): Promise<Provisioned> {
    const code = normalizeClaimCode(typed);
    if (code === undefined) throw new FleetError('provisioning.code-invalid');
    return await this.transact(async (stores) => {
      const redeemed = await stores.provisioning.redeemCode(hashClaimCode(code), address);
      if (!redeemed) throw new FleetError('provisioning.code-invalid');
      const { scope, device } = redeemed;
      const { id, state } = await stores.devices.lock(scope, device);
      // Whoever claims is the device from now on: what an earlier unit of that name held ends.
      await stores.credentials.revoke(scope, device, undefined);
      const identity = await this.issue(stores, scope, device, csr);
      if (state === 'registered') await stores.devices.move(scope, [id], 'claim');
      await this.tell(stores, scope, device, { action: 'device.claimed', detail: { address } });
      return { ...identity, state: 'claimed' };
    });
  }

  private async byKey(request: Request, secret: string, address: string): Promise<Provisioned> {
    return await this.transact(async (stores) => {
      const key = await stores.provisioning.holdKey(hashProvisioningKey(secret));
      if (!key?.isUsable) throw new FleetError('provisioning.key-invalid');
      const { scope, settings } = key;
      const type = typeOf(key, request.type);
      const { name, again } = settings.nameTemplate.includes('{name}')
        ? await this.named(stores, key, type, request.name)
        : { name: await this.freeName(stores, key, type), again: undefined };
      const state = again ?? (await this.enrol(stores, key, { name, type, address }));
      const identity = await this.issue(stores, scope, name, request.csr);
      await stores.provisioning.countUse(scope, key.id, again === undefined ? 1 : 0);
      await this.tell(stores, scope, name, {
        isNew: again === undefined,
        action: 'device.provisioned',
        detail: { key: key.name, address, state, again: again !== undefined },
      });
      return { ...identity, state };
    });
  }

  private async named(stores: ProvisioningStores, key: HeldKey, type: string, proposed: string | undefined) {
    const name = deviceName(key.settings.nameTemplate, { proposed, type, number: key.used + 1 });
    return { name, again: await this.isAgain(stores, key, name) };
  }

  /**
   * A device that has no name of its own is always a new one: it gets a name that nobody has, never another's identity.
   * Numbers that are taken are leapt over, further each time, so that a block of them costs its logarithm.
   */
  private async freeName({ devices }: ProvisioningStores, key: HeldKey, type: string): Promise<string> {
    let name = '';
    for (let step = 0; step < NAME_TRIES; step++) {
      name = deviceName(key.settings.nameTemplate, {
        proposed: undefined,
        type,
        number: key.used + 2 ** step,
      });
      if (!(await isTaken(devices, key.scope, name))) return name;
    }
    throw new FleetError('provisioning.device-taken', { device: name });
  }

  /** The state of a device that this key made before, which may be answered once more; undefined: it is new. */
  private async isAgain(
    { provisioning, devices, credentials }: ProvisioningStores,
    { scope, id, settings }: HeldKey,
    device: string,
  ): Promise<'claimed' | 'pending' | undefined> {
    const known = await provisioning.enrolment(scope, device);
    if (!known) {
      if (await isTaken(devices, scope, device))
        throw new FleetError('provisioning.device-taken', { device });
      return undefined;
    }
    if (known.state === 'rejected') throw new FleetError('provisioning.rejected', { device });
    const mayAgain =
      known.keyId === id &&
      (settings.again === 'always' || (settings.again === 'until-connected' && !known.hasConnected));
    if (!mayAgain) throw new FleetError('provisioning.device-taken', { device });
    await credentials.revoke(scope, device, undefined);
    return known.state === 'pending' ? 'pending' : 'claimed';
  }

  private async enrol(
    { provisioning, devices }: ProvisioningStores,
    { scope, id: keyId, settings, used }: HeldKey,
    { name, type, address }: { name: string; type: string; address: string },
  ): Promise<'claimed' | 'pending'> {
    if (used >= settings.quota) throw new FleetError('provisioning.quota-used', { quota: settings.quota });
    if (settings.needsApproval && (await provisioning.countPending(scope, keyId)) >= settings.maxPending)
      throw new FleetError('provisioning.approvals-full', { limit: settings.maxPending });
    const { tags, site, needsApproval } = settings;
    await devices.add(scope, [{ ...bareDevice, name, type, tags, site: site ?? '' }]);
    await provisioning.addEnrolment(scope, name, {
      keyId,
      state: needsApproval ? 'pending' : 'approved',
      address,
    });
    if (!needsApproval) {
      const { id } = await devices.lock(scope, name);
      await devices.move(scope, [id], 'claim');
    }
    return needsApproval ? 'pending' : 'claimed';
  }

  /** A token, or a certificate for who sent a request. */
  private async issue(
    stores: ProvisioningStores,
    scope: ProjectScope,
    device: string,
    csr: string | undefined,
  ): Promise<Omit<Provisioned, 'state'>> {
    const clientId = `${scope.name}/${device}`;
    const actor = `device:${device}`;
    if (csr !== undefined) {
      const signed = await this.authorities.sign(stores, scope, device, {
        csr,
        days: this.options.certificateDays,
        actor,
      });
      return { clientId, token: null, ...signed };
    }
    const token = newToken();
    await this.credentials.addToken(stores, scope, device, { token, overlapSeconds: 0, actor });
    return { clientId, token, certificate: null, authority: null, expiresAt: null };
  }

  /** The next certificate of a device that proves itself. @throws provisioning.renewal-refused */
  async renew(request: Resource<'CertificateRequest'>): Promise<Signed> {
    const { csr, clientId, token, certificate, signature } = request;
    return await this.transact(async (stores) => {
      const { scope, device } =
        token === undefined
          ? await this.authorities.whoRenews(stores, { csr, certificate, signature })
          : await this.credentials.whoHolds(stores, clientId ?? '', token);
      const before = await this.authorities.renewedBefore(stores, scope, device, csr);
      if (before) return before;
      const signed = await this.authorities.sign(stores, scope, device, {
        csr,
        days: this.options.certificateDays,
        actor: `device:${device}`,
        isRenewal: true,
      });
      await this.tell(stores, scope, device, { action: 'device.certificate-renewed', detail: {} });
      return signed;
    });
  }

  private async tell(
    { audit, events }: ProvisioningStores,
    scope: ProjectScope,
    device: string,
    { action, detail, isNew = false }: { action: string; detail: Record<string, unknown>; isNew?: boolean },
  ): Promise<void> {
    await audit.append(scope, { actor: `device:${device}`, action, target: device, detail });
    if (isNew) await events.emit(scope, 'device.registered', { device });
    await events.emit(scope, 'credential.changed', { device, change: 'issued' });
  }
}

const isTaken = async (
  devices: ProvisioningStores['devices'],
  scope: ProjectScope,
  device: string,
): Promise<boolean> =>
  await devices.get(scope, device).then(
    () => true,
    () => false,
  );

/** @throws provisioning.type-needed, provisioning.type-refused */
function typeOf({ settings }: HeldKey, named: string | undefined): string {
  const [only, ...others] = settings.types;
  if (named === undefined) {
    if (only === undefined || others.length > 0) throw new FleetError('provisioning.type-needed');
    return only;
  }
  if (!settings.types.includes(named))
    throw new FleetError('provisioning.type-refused', { type: named.slice(0, 63) });
  return named;
}
