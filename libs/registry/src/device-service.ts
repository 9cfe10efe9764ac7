/** Devices: registration, tags, tokens. A device's token is 256 random bits and leaves here once. */
import { createHash, randomBytes } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import type { DeviceKeySealer, RegistryStores } from './ports.js';

/** What a device is registered with. */
export type DeviceRequest = Resource<'DeviceRegister'>;
export interface Registered {
  readonly device: Resource<'Device'>;
  readonly token: string;
  readonly mqttUsername: string;
}

const TOKEN_BYTES = 32;
/** The broker compares SHA-256 of the password's bytes as sent. */
const hashToken = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();
const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

export class DeviceService {
  constructor(
    private readonly transact: Transact<RegistryStores>,
    private readonly keys: Pick<DeviceKeySealer, 'sealKey'>,
  ) {}

  /** All or none. */
  async register(
    actor: string,
    scope: ProjectScope,
    requests: readonly DeviceRequest[],
  ): Promise<Registered[]> {
    const tokens = requests.map(newToken);
    await this.transact(async ({ devices, events, audit }) => {
      await devices.add(
        scope,
        requests.map(({ name, type, tags, site }, i) => ({
          name,
          type,
          tags,
          site: site ?? '',
          tokenHash: hashToken(tokens[i] ?? ''),
          sealedKey: this.keys.sealKey({ projectId: scope.id, device: name }, tokens[i] ?? ''),
        })),
      );
      await audit.append(scope, {
        actor,
        action: 'device.registered',
        target: requests.length === 1 ? (requests[0]?.name ?? '') : `${requests.length} devices`,
        detail: { devices: requests.map(({ name }) => name) },
      });
      for (const { name } of requests) await events.emit(scope, 'device.registered', { device: name });
    });
    const now = new Date().toISOString();
    return requests.map(({ name, type, tags, site }, i) => ({
      device: { ...neverSeen, name, type, tags: [...tags], site, createdAt: now },
      token: tokens[i] ?? '',
      mqttUsername: `${scope.name}/${name}`,
    }));
  }

  async update(
    actor: string,
    scope: ProjectScope,
    name: string,
    change: Resource<'DevicePatch'>,
  ): Promise<Resource<'Device'>> {
    return await this.transact(async ({ devices, events, audit }) => {
      await devices.update(scope, name, {
        ...(change.tags === undefined ? {} : { tags: change.tags }),
        ...(change.site === undefined ? {} : { site: change.site ?? '' }),
      });
      await audit.append(scope, { actor, action: 'device.updated', target: name, detail: { ...change } });
      await events.emit(scope, 'device.updated', { device: name });
      return await devices.get(scope, name);
    });
  }

  /** A new token; the old one ends at once. */
  async rotateToken(actor: string, scope: ProjectScope, name: string): Promise<Registered> {
    const token = newToken();
    const device = await this.transact(async ({ devices, events, audit }) => {
      await devices.setToken(scope, name, {
        hash: hashToken(token),
        sealedKey: this.keys.sealKey({ projectId: scope.id, device: name }, token),
      });
      await audit.append(scope, { actor, action: 'device.token-replaced', target: name });
      await events.emit(scope, 'device.updated', { device: name });
      return await devices.get(scope, name);
    });
    return { device, token, mqttUsername: `${scope.name}/${name}` };
  }

  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ devices, events, audit }) => {
      await devices.remove(scope, name);
      await audit.append(scope, { actor, action: 'device.removed', target: name });
      await events.emit(scope, 'device.removed', { device: name });
    });
  }
}

const neverSeen = {
  presence: 'never',
  lastContactAt: null,
  nextContactBy: null,
  firmwareVersion: null,
  activeRelease: null,
  activeDigest: null,
  updateState: null,
} as const;
