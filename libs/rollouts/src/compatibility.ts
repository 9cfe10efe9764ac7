/**
 * Whether a device can take a bundle, judged before it is sent: what its hello said against what the build needs.
 * A device that never said hello is taken for what its type says.
 */
import { FleetError } from '@tinyfleet/errors';
import { missingOps, type OpBits } from '@tinyfleet/wire';

/** From the last hello, or from the device's type. */
export interface DeviceAbilities {
  /** `major << 16 | minor` */
  readonly abi: number;
  readonly slotBytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly ops: OpBits;
  /** Sequences below it are refused. */
  readonly floor: number;
}

/** From the release and its build for the device's type. */
export interface BundleNeeds {
  /** `major << 16 | minor` */
  readonly abi: number;
  readonly bytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly ops: OpBits;
  readonly sequence: number;
}

export interface Obstacle {
  /** The number the device would report. */
  readonly errorNumber: number | null;
  readonly reason: string;
}

export function obstacleTo(needs: BundleNeeds, device: DeviceAbilities): Obstacle | undefined {
  if (needs.abi >>> 16 !== device.abi >>> 16 || (needs.abi & 0xffff) > (device.abi & 0xffff)) {
    return told(
      new FleetError('manifest.abi-unsupported', {
        required: abiText(needs.abi),
        found: abiText(device.abi),
      }),
    );
  }
  const missing = missingOps(needs.ops, device.ops);
  if (missing.length > 0) return told(new FleetError('manifest.ops-missing', { ops: missing.join(', ') }));
  if (needs.bytes > device.slotBytes)
    return told(new FleetError('manifest.slot-too-small', { bytes: needs.bytes, limit: device.slotBytes }));
  if (needs.arenaBytes > device.arenaBytes) {
    return told(
      new FleetError('manifest.arena-too-small', { required: needs.arenaBytes, found: device.arenaBytes }),
    );
  }
  if (needs.stateBytes > device.stateBytes) {
    return told(
      new FleetError('manifest.state-too-small', { required: needs.stateBytes, found: device.stateBytes }),
    );
  }
  if (needs.sequence < device.floor)
    return told(new FleetError('manifest.below-floor', { sequence: needs.sequence, floor: device.floor }));
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

function told(error: FleetError): Obstacle {
  return { errorNumber: error.number ?? null, reason: error.message };
}
