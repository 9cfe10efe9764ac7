// What a device process finds in its folder: the parameter block and the flash file (docs/spec/device.md). Written before its
// first boot; afterwards the folder is the device's, and only the parameters may be written anew.
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  classId,
  encodeParameterBlock,
  vendorId,
  type DeviceParameters,
  type FlashGeometry,
} from '@tinyfleet/wire';

export const PARAMETERS_FILE = 'parameters';
export const FLASH_FILE = 'flash';

/** The part of a device type that its image depends on. */
export interface ImageHardware {
  readonly name: string;
  readonly slotBytes: number;
  readonly sectorBytes: number;
  readonly programUnitBytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
}

export interface ImageIdentity {
  readonly project: string;
  readonly device: string;
  readonly token: string;
  readonly broker: {
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    /** PEM; default: what the system trusts. */
    readonly authority?: string;
  };
  /** Ed25519 key that manifests are signed with. */
  readonly publicKey?: Uint8Array;
}

/** Sectors for windows that wait for the broker: some 600 of them with sectors of 4 KB. */
const RING_SECTORS = 64;
const RECORD_SECTORS = 2;

/** The region of a device type: records, two slots, telemetry ring. */
export function flashOf(hardware: ImageHardware, erased: number): FlashGeometry {
  const { slotBytes, sectorBytes, programUnitBytes: unitBytes } = hardware;
  const bytes = 2 * slotBytes + (RECORD_SECTORS + RING_SECTORS) * sectorBytes;
  return { bytes, sectorBytes, unitBytes, erased, slotBytes };
}

/** Parameters of one device; `more` are those that neither its type nor its identity tell. */
export function parametersOf(
  hardware: ImageHardware,
  identity: ImageIdentity,
  more: Partial<DeviceParameters> = {},
): DeviceParameters {
  const { project, device, token, broker, publicKey } = identity;
  return {
    project,
    device,
    deviceType: hardware.name,
    vendorId: vendorId(project),
    classId: classId(hardware.name),
    token,
    brokerHost: broker.host,
    brokerPort: broker.port,
    ...(broker.tls ? { tls: true } : {}),
    ...(broker.tls && broker.authority !== undefined ? { authority: broker.authority } : {}),
    ...(publicKey === undefined ? {} : { key: { algorithm: 'ed25519' as const, key: publicKey } }),
    flash: flashOf(hardware, 0xff),
    arenaBytes: hardware.arenaBytes,
    stateBytes: hardware.stateBytes,
    ...more,
  };
}

/** Writes the block, readable by its owner only; what is in the flash stays. */
export async function writeParameters(folder: string, parameters: DeviceParameters): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, PARAMETERS_FILE);
  await writeFile(`${file}.new`, encodeParameterBlock(parameters), { mode: 0o600 });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
}

/** True when the folder holds a device. */
export async function holdsDevice(folder: string): Promise<boolean> {
  return stat(path.join(folder, PARAMETERS_FILE)).then(
    () => true,
    () => false,
  );
}
