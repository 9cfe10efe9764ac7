/**
 * Credentials of one device: tokens that replace each other with an overlap, and revocation. Certificates are signed in
 * authority-service.ts. The broker drops connections whose credential ended: `credential.changed` tells it.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { parseClientId } from '@tinyfleet/wire';
import type { DeviceState } from '../device-state.js';
import type { DeviceKeySealer, ProjectStore } from '../ports.js';
import type { CredentialStore, CredentialStores } from './ports.js';
import { hashToken, newToken } from './token.js';

export interface CredentialOptions {
  /** Credentials of one device that live at a time. A rotation that never completes stops here. */
  readonly maxLive: number;
}
export const credentialDefaults: CredentialOptions = { maxLive: 8 };

export class CredentialService {
  constructor(
    private readonly store: Pick<CredentialStore, 'list'>,
    private readonly transact: Transact<CredentialStores>,
    private readonly keys: Pick<DeviceKeySealer, 'sealKey'>,
    private readonly newId: () => string,
    private readonly options: CredentialOptions = credentialDefaults,
  ) {}

  async list(scope: ProjectScope, device: string): Promise<Resource<'Credential'>[]> {
    return await this.store.list(scope, device);
  }

  /**
   * A new token, valid at once. Those before it end after the overlap, or soon after the device has connected with the
   * new one. @throws registry.device-not-found, provisioning.credentials-too-many
   */
  async rotate(
    actor: string,
    scope: ProjectScope,
    device: string,
    { overlapSeconds }: Resource<'TokenRotate'>,
  ): Promise<Resource<'DeviceRegistered'>> {
    const token = newToken();
    const made = await this.transact(async (stores) => {
      await this.addToken(stores, scope, device, { token, overlapSeconds, actor });
      await stores.audit.append(scope, {
        actor,
        action: 'device.token-rotated',
        target: device,
        detail: { overlapSeconds },
      });
      const found = await stores.devices.get(scope, device);
      await stores.events.emit(scope, 'credential.changed', { device, change: 'issued' });
      return found;
    });
    return { device: made, token, mqttUsername: `${scope.name}/${device}` };
  }

  /** Makes a token of the device's in the caller's transaction, and ends those before it. */
  async addToken(
    { devices, credentials }: Pick<CredentialStores, 'devices' | 'credentials'>,
    scope: ProjectScope,
    device: string,
    made: { readonly token: string; readonly overlapSeconds: number; readonly actor: string },
  ): Promise<void> {
    const { token, overlapSeconds, actor } = made;
    requireLive(device, (await devices.lock(scope, device)).state);
    const id = this.newId();
    await credentials.replace(scope, device, { id, kind: 'token', overlapSeconds });
    await credentials.addToken(
      scope,
      device,
      {
        id,
        hash: hashToken(token),
        sealedKey: this.keys.sealKey({ projectId: scope.id, device }, token),
        createdBy: actor,
      },
      this.options.maxLive,
    );
  }

  /** Which device proves itself by this token. @throws provisioning.renewal-refused */
  async whoHolds(
    { credentials, projects }: Pick<CredentialStores, 'credentials'> & { readonly projects: ProjectStore },
    clientId: string,
    token: string,
  ): Promise<{ scope: ProjectScope; device: string }> {
    const address = parseClientId(clientId);
    const scope = address && (await projects.find(address.project));
    if (scope && (await credentials.holdsToken(scope, address.device, hashToken(token))))
      return { scope, device: address.device };
    throw new FleetError('provisioning.renewal-refused', { reason: 'this is not the token of that device' });
  }

  /** One credential, or all: its live connection drops. @returns how many ended */
  async revoke(actor: string, scope: ProjectScope, device: string, id?: string): Promise<number> {
    return await this.transact(async ({ credentials, audit, events }) => {
      const count = await credentials.revoke(scope, device, id);
      await audit.append(scope, {
        actor,
        action: 'device.revoked',
        target: device,
        detail: { credentials: count, ...(id === undefined ? {} : { id }) },
      });
      await events.emit(scope, 'credential.changed', { device, change: 'revoked' });
      return count;
    });
  }
}

/** A retired device gets no credentials again; its name can be removed and registered anew. @throws registry.state-invalid */
export function requireLive(device: string, state: DeviceState): void {
  if (state === 'retired')
    throw new FleetError('registry.state-invalid', { device, state, move: 'get a credential' });
}
