/**
 * Whether a device can take a bundle, judged before a byte of it is sent: what its hello said against what the build needs,
 * in the order in which the device itself would refuse (firmware-stubs/agent/src/accept.c, then its loader). The one place
 * that judges: `release check`, plans, starts and offers all ask here. A device that never said hello is taken for what its
 * type says, and what no type says is left open.
 */
import { FleetError } from '@tinyfleet/errors';
import {
  compareFirmware,
  hasOp,
  missingOps,
  nameOfOp,
  sensor as sensorNumbers,
  unit as unitNumbers,
  type OpBits,
  type SensorDescriptor,
} from '@tinyfleet/wire';

/** From the last hello, or from the device's type. */
export interface DeviceAbilities {
  /** `major << 16 | minor` */
  readonly abi: number;
  readonly slotBytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly ops: OpBits;
  /** Version by number of an op whose version is not 1. */
  readonly opVersions: Readonly<Record<string, number>>;
  /** Sequences below it are refused. */
  readonly floor: number;
  /** Undefined: no hello has said it. */
  readonly firmware: string | undefined;
  readonly sensors: readonly SensorDescriptor[] | undefined;
  /** Version by number of a front end stage. */
  readonly stages: readonly number[] | undefined;
  /** Largest image of firmware that it takes; 0: it takes none. Undefined: no hello has said it. */
  readonly imageBytes: number | undefined;
}

/** Firmware that a release brings, and what models find on it. */
export interface FirmwareImage extends Pick<DeviceAbilities, 'abi' | 'arenaBytes' | 'stateBytes' | 'ops'> {
  readonly version: string;
  readonly bytes: number;
  /** Lowest version that may be updated to it. */
  readonly from: string | undefined;
  /** No model comes behind it. */
  readonly isAlone: boolean;
}

/** From the release and its build for the device's type. */
export interface BundleNeeds {
  /** `major << 16 | minor` */
  readonly abi: number;
  readonly bytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly ops: OpBits;
  /** Version by number of an op whose version is not 1. */
  readonly opVersions: Readonly<Record<string, number>>;
  readonly sequence: number;
  /** For shadow runs; unknown of older builds. */
  readonly inputBytes?: number | undefined;
  readonly inputsDigest?: string | undefined;
  readonly latencyUs?: number | undefined;
  readonly macs?: number | undefined;
  /** Firmware of at least this version, by its three numbers. */
  readonly firmwareMin: string | undefined;
  /** What feeds the first input. Undefined: the firmware makes quantized inputs itself. */
  readonly sensor: SensorNeeds | undefined;
  /** Version by number of a front end stage; 0 = not needed. */
  readonly stages: readonly number[];
  /** What is installed first where it does not run yet. */
  readonly image?: FirmwareImage | undefined;
}

/** As the bundle's contract has it; numbers of wire.cddl, 0 in the last two: not stated. */
export interface SensorNeeds {
  readonly sensor: number;
  readonly axes: number;
  readonly unit: number;
  readonly fullScale: number;
  readonly sampleRateMhz: number;
}

export interface Obstacle {
  /** The number the device would report. */
  readonly errorNumber: number | null;
  readonly reason: string;
}

type Check = (needs: BundleNeeds, device: DeviceAbilities) => FleetError | undefined;

/** Each says one thing that may stand in the way; the first that does is the reason. */
const checks: readonly Check[] = [
  ({ sequence }, { floor }) =>
    sequence < floor ? new FleetError('manifest.below-floor', { sequence, floor }) : undefined,
  (needs, { abi }) =>
    needs.abi >>> 16 !== abi >>> 16 || (needs.abi & 0xffff) > (abi & 0xffff)
      ? new FleetError('manifest.abi-unsupported', { required: abiText(needs.abi), found: abiText(abi) })
      : undefined,
  (needs, { ops }) => {
    const missing = missingOps(needs.ops, ops);
    return missing.length > 0
      ? new FleetError('manifest.ops-missing', { ops: missing.join(', ') })
      : undefined;
  },
  ({ arenaBytes: required }, { arenaBytes: found }) =>
    required > found ? new FleetError('manifest.arena-too-small', { required, found }) : undefined,
  ({ stateBytes: required }, { stateBytes: found }) =>
    required > found ? new FleetError('manifest.state-too-small', { required, found }) : undefined,
  ({ bytes }, { slotBytes: limit }) =>
    bytes > limit ? new FleetError('manifest.slot-too-small', { bytes, limit }) : undefined,
  ({ firmwareMin: required }, { firmware: found }) =>
    required !== undefined && found !== undefined && compareFirmware(found, required) < 0
      ? new FleetError('manifest.firmware-too-old', { required, found })
      : undefined,
  otherOpVersion,
  (needs, { stages }) =>
    stages !== undefined && needs.stages.some((version, n) => version !== 0 && stages[n] !== version)
      ? new FleetError('bundle.front-end-unsupported')
      : undefined,
  otherSensor,
];

function otherOpVersion(needs: BundleNeeds, device: DeviceAbilities): FleetError | undefined {
  for (const op of Object.keys({ ...needs.opVersions, ...device.opVersions })) {
    const version = needs.opVersions[op] ?? 1;
    if (hasOp(needs.ops, Number(op)) && (device.opVersions[op] ?? 1) !== version)
      return new FleetError('bundle.op-version-unsupported', { op: nameOfOp(Number(op)), version });
  }
  return undefined;
}

/** The first sensor of that kind counts, as on the device. */
function otherSensor({ sensor: needed }: BundleNeeds, { sensors }: DeviceAbilities): FleetError | undefined {
  if (!needed || sensors === undefined) return undefined;
  const found = sensors.find((one) => numberIn(sensorNumbers, one.sensor) === needed.sensor);
  if (!found) return new FleetError('sensor.missing', { sensor: nameIn(sensorNumbers, needed.sensor) });
  if (found.axes !== needed.axes)
    return new FleetError('sensor.axes-mismatch', { required: needed.axes, found: found.axes });
  if (numberIn(unitNumbers, found.unit) !== needed.unit) return new FleetError('sensor.unit-mismatch');
  if (needed.fullScale !== 0 && found.fullScale !== needed.fullScale)
    return new FleetError('sensor.full-scale-mismatch', {
      required: needed.fullScale,
      found: found.fullScale,
    });
  if (needed.sampleRateMhz !== 0 && found.sampleRateMhz !== needed.sampleRateMhz)
    return new FleetError('sensor.rate-mismatch', {
      required: needed.sampleRateMhz,
      found: found.sampleRateMhz,
    });
  return undefined;
}

/** What is in the way of firmware that the device does not run yet. */
function imageObstacle(image: FirmwareImage, device: DeviceAbilities): FleetError | undefined {
  const { bytes, from: required } = image;
  const { imageBytes: limit, firmware: found } = device;
  if (limit === 0) return new FleetError('manifest.component-unknown');
  if (required !== undefined && found !== undefined && compareFirmware(found, required) < 0)
    return new FleetError('manifest.firmware-too-old', { required, found });
  return limit !== undefined && bytes > limit
    ? new FleetError('manifest.slot-too-small', { bytes, limit })
    : undefined;
}

export function obstacleTo(needs: BundleNeeds, device: DeviceAbilities): Obstacle | undefined {
  const { image } = needs;
  const isNew = image !== undefined && device.firmware !== image.version;
  const steps: (() => FleetError | undefined)[] = [
    ...(isNew ? [() => imageObstacle(image, device)] : []),
    // A model is judged by the firmware that it will find.
    ...(image?.isAlone ? checks.slice(0, 1) : checks).map(
      (check) => () => check(needs, isNew && !image.isAlone ? afterUpdate(device, image) : device),
    ),
  ];
  for (const step of steps) {
    const error = step();
    if (error) return { errorNumber: error.number ?? null, reason: error.message };
  }
  return undefined;
}

/** Sensors, op versions and front end are not said of images: they are taken to stay. */
const afterUpdate = (
  device: DeviceAbilities,
  { abi, arenaBytes, stateBytes, ops, version }: FirmwareImage,
) => ({
  ...device,
  ...{ abi, arenaBytes, stateBytes, ops },
  firmware: version,
});

/** Why nothing stands in the way and the device has the last word all the same. */
export function doubtAbout(
  needs: BundleNeeds,
  device: DeviceAbilities,
  hasGreeted: boolean,
): string | undefined {
  if (!hasGreeted) return 'never said hello: judged by its type';
  if (device.stages === undefined && needs.stages.some((version) => version !== 0))
    return 'its firmware does not say which front end stages it has';
  return undefined;
}

export const noBuildFor = (type: string): Obstacle => ({
  errorNumber: null,
  reason: `the release has no build for type ${type}`,
});

export const abiText = (abi: number): string => `${abi >>> 16}.${abi & 0xffff}`;

/** Reads `major.minor`; undefined when it is not one. */
export function parseAbi(text: string): number | undefined {
  const match = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  return match ? Number(match[1]) * 65_536 + Number(match[2]) : undefined;
}

/** Values of a newer protocol are spelled `#<number>`. */
const numberIn = (values: Readonly<Record<string, number>>, name: string): number =>
  values[name] ?? Number(name.slice(1));
const nameIn = (values: Readonly<Record<string, number>>, number: number): string =>
  Object.entries(values).find(([, one]) => one === number)?.[0] ?? `#${number}`;
