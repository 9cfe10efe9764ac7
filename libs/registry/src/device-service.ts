/** Devices: registration with a first token, which leaves here once; tags and site. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { attributeLimits, attributesSet, changeAttributes, type AttributeLimits } from './attributes.js';
import { requireMove, type DeviceMove } from './device-state.js';
import { hashToken, newToken } from './credentials/token.js';
import type { DeviceKeySealer, RegistryStores } from './ports.js';

/** What a device is registered with. */
export type DeviceRequest = Resource<'DeviceRegister'>;
export interface Registered {
  readonly device: Resource<'Device'>;
  readonly token: string;
  readonly mqttUsername: string;
}

export const MOVED = {
  suspend: 'device.suspended',
  resume: 'device.resumed',
  retire: 'device.retired',
} as const;

export class DeviceService {
  constructor(
    private readonly transact: Transact<RegistryStores>,
    private readonly keys: Pick<DeviceKeySealer, 'sealKey'>,
    private readonly newId: () => string,
    private readonly attributes: AttributeLimits = attributeLimits,
  ) {}

  /** All or none. */
  async register(
    actor: string,
    scope: ProjectScope,
    requests: readonly DeviceRequest[],
  ): Promise<Registered[]> {
    const tokens = requests.map(newToken);
    await this.transact(async ({ devices, credentials, events, audit }) => {
      await devices.add(
        scope,
        requests.map(({ name, type, tags, site, hardwareRevision, notes, location, attributes }) => ({
          name,
          type,
          tags,
          site: site ?? '',
          hardwareRevision: hardwareRevision ?? '',
          notes,
          location,
          attributes: changeAttributes({}, attributes, this.attributes),
        })),
      );
      await credentials.addFirst(
        scope,
        requests.map(({ name }, i) => ({
          device: name,
          id: this.newId(),
          hash: hashToken(tokens[i] ?? ''),
          sealedKey: this.keys.sealKey({ projectId: scope.id, device: name }, tokens[i] ?? ''),
          createdBy: actor,
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
    return requests.map(({ name, type, tags, site, hardwareRevision }, i) => ({
      device: {
        ...neverSeen,
        name,
        type,
        tags: [...new Set(tags)].sort(),
        site,
        hardwareRevision,
        createdAt: now,
      },
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
      await devices.lock(scope, name);
      const before: Readonly<Record<string, unknown>> = await devices.detail(scope, name);
      const { tags, site, hardwareRevision, notes, location } = change;
      await devices.update(scope, name, {
        ...(tags === undefined ? {} : { tags }),
        ...(site === undefined ? {} : { site: site ?? '' }),
        ...(hardwareRevision === undefined ? {} : { hardwareRevision: hardwareRevision ?? '' }),
        ...(notes === undefined ? {} : { notes }),
        ...(location === undefined ? {} : { location }),
      });
      await audit.append(scope, {
        actor,
        action: 'device.updated',
        target: name,
        before: Object.fromEntries(Object.keys(change).map((key) => [key, before[key]])),
        after: { ...change },
      });
      await events.emit(scope, 'device.updated', { device: name });
      return await devices.get(scope, name);
    });
  }

  /** @throws registry.attributes-stale, registry.attribute-invalid, registry.attributes-too-many */
  async setAttributes(
    actor: string,
    scope: ProjectScope,
    name: string,
    { desired, version }: Resource<'AttributesPatch'>,
  ): Promise<Resource<'AttributeSet'>> {
    return await this.transact(async ({ devices, events, audit }) => {
      const device = await devices.lock(scope, name);
      if (version !== undefined && version !== device.desiredVersion) {
        throw new FleetError('registry.attributes-stale', {
          device: name,
          version: device.desiredVersion,
          expected: version,
        });
      }
      const values = changeAttributes(device.desired, desired, this.attributes);
      await devices.setDesired(scope, device.id, values);
      await audit.append(scope, attributesSet(actor, name, { before: device.desired, change: desired }));
      await events.emit(scope, 'device.updated', { device: name });
      return { version: device.desiredVersion + 1, values: { ...values } };
    });
  }

  /** Suspends, resumes or retires; the broker drops the live connection of one that may not connect any more. */
  async move(
    actor: string,
    scope: ProjectScope,
    name: string,
    move: Exclude<DeviceMove, 'claim' | 'hello'>,
  ): Promise<Resource<'Device'>> {
    return await this.transact(async ({ devices, events, audit }) => {
      const { id, state } = await devices.lock(scope, name);
      requireMove(name, state, move);
      const [moved] = await devices.move(scope, [id], move);
      await audit.append(scope, {
        actor,
        action: MOVED[move],
        target: name,
        before: { state },
        after: { state: moved?.to },
      });
      await events.emit(scope, 'device.updated', { device: name });
      return await devices.get(scope, name);
    });
  }

  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ devices, events, audit }) => {
      const { type, state, site, tags } = await devices.get(scope, name);
      await devices.remove(scope, name);
      const before = { type, state, site, tags };
      await audit.append(scope, { actor, action: 'device.removed', target: name, before });
      await events.emit(scope, 'device.removed', { device: name });
    });
  }
}

const neverSeen = {
  state: 'registered',
  revision: 1,
  presence: 'never',
  lastContactAt: null,
  nextContactBy: null,
  firmwareVersion: null,
  activeRelease: null,
  activeDigest: null,
  updateState: null,
} as const;
