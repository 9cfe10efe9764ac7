/**
 * Firmware images. The platform does not look into one: what models find on it is said at the import, or taken from the
 * device type, and stands in the signed manifest, where the device checks it against the model that it runs.
 */
import { versionOrder, type ProjectScope, type Resource, type Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { isOpName, opBits, sensor } from '@tinyfleet/wire';
import type { FirmwareStores, ImageBlobs } from './firmware-ports.js';
import type { BundleNeeds } from './ports.js';

export interface FirmwareImport {
  readonly firmware: string;
  readonly version: string;
  readonly type: Resource<'DeviceType'>;
  readonly fileName: string;
  readonly provides: Partial<Resource<'FirmwareProvides'>>;
  readonly from: string | null;
  readonly content: AsyncIterable<Uint8Array>;
}

export class FirmwareService {
  constructor(
    private readonly transact: Transact<FirmwareStores>,
    private readonly blobs: ImageBlobs,
    private readonly maxBytes: number,
  ) {}

  /**
   * The same bytes for the same version and type are accepted again, so that a retried upload is harmless.
   * @throws firmware.invalid, firmware.image-exists, firmware.name-taken, storage.blob-too-large
   */
  async import(
    actor: string,
    scope: ProjectScope,
    { firmware, version, type, fileName, from, content, provides: said }: FirmwareImport,
  ): Promise<Resource<'FirmwareImage'>> {
    const provides = {
      abi: said.abi ?? type.abi,
      ops: [...(said.ops ?? Object.keys(type.ops))].sort(),
      arenaBytes: said.arenaBytes ?? type.arenaBytes,
      stateBytes: said.stateBytes ?? type.stateBytes,
      sensors: said.sensors ?? null,
    };
    const needs = needsOf(provides);
    const file = await this.blobs.put(content, this.maxBytes);
    if (file.bytes === 0) throw new FleetError('firmware.invalid', { reason: 'the file is empty' });
    const ref = { firmware, version, deviceType: type.name };
    return await this.transact(async (stores) => {
      const known = await stores.firmware.image(scope, ref);
      if (known?.digest === file.digest) return known;
      if (known) throw new FleetError('firmware.image-exists', { firmware, version, type: type.name });
      await stores.firmware.add(scope, {
        ...ref,
        ...file,
        fileName,
        provides,
        needs,
        from,
        versionOrder: versionOrder(version),
        createdBy: actor,
      });
      await stores.audit.append(scope, {
        actor,
        action: 'firmware.imported',
        target: `${firmware}@${version}`,
        detail: { deviceType: type.name, fileName, ...file },
      });
      await stores.events.emit(scope, 'firmware.imported', ref);
      return (await stores.firmware.image(scope, ref))!;
    });
  }

  /** @throws firmware.not-found, firmware.version-not-found, firmware.in-release */
  async remove(actor: string, scope: ProjectScope, firmware: string, version: string): Promise<void> {
    const orphans = await this.transact(async (stores) => {
      const removed = await stores.firmware.remove(scope, firmware, version);
      const target = `${firmware}@${version}`;
      const { images } = removed;
      await stores.audit.append(scope, { actor, action: 'firmware.removed', target, before: { images } });
      await stores.events.emit(scope, 'firmware.removed', { firmware, version });
      return removed.orphans;
    });
    for (const blob of orphans) await this.blobs.remove(blob);
  }
}

/** @throws firmware.invalid */
function needsOf({ abi, ops, arenaBytes, stateBytes, sensors }: Resource<'FirmwareProvides'>): BundleNeeds {
  const unknown = ops.filter((name) => !isOpName(name));
  if (unknown.length > 0)
    throw new FleetError('firmware.invalid', { reason: `no op is called ${unknown.join(', ')}` });
  const strange = (sensors ?? []).filter((name) => !Object.hasOwn(sensor, name));
  if (strange.length > 0)
    throw new FleetError('firmware.invalid', { reason: `no sensor is called ${strange.join(', ')}` });
  const [major, minor] = abi.split('.').map(Number) as [number, number];
  if (major > 65_535 || minor > 65_535)
    throw new FleetError('firmware.invalid', { reason: `its ABI is ${abi}` });
  return { abi: major * 65_536 + minor, ...opBits(ops), arenaBytes, stateBytes, classes: 0, schemaCrc: 0 };
}
