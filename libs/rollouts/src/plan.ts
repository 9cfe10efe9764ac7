/**
 * Which step of a rollout admits which device. Devices are ordered by a hash of rollout and device, so that each
 * rollout has other canaries, the order is the same on every evaluation, and a step is an exact share of the target
 * (a threshold on the hash would admit none or four of 50 where 2 % are asked).
 */

/** 32-bit FNV-1a with murmur3's finalizer: the last characters of names differ most and have to reach all bits. */
export function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const bucketCount = 10_000;

/** 0..9999 */
export function bucketOf(rolloutId: string, device: string): number {
  return stableHash(`${rolloutId}/${device}`) % bucketCount;
}

export interface Placement<Device> {
  readonly device: Device;
  readonly bucket: number;
  /** Index of the step that admits it. */
  readonly step: number;
}

/** @param steps cumulative percents that rise and end with 100. */
export function assignSteps<Device extends { readonly name: string }>(
  rolloutId: string,
  devices: readonly Device[],
  steps: readonly number[],
): Placement<Device>[] {
  const limits = steps.map((percent) => Math.ceil((percent * devices.length) / 100));
  return devices
    .map((device) => ({ device, hash: stableHash(`${rolloutId}/${device.name}`) }))
    .sort((a, b) => a.hash - b.hash || (a.device.name < b.device.name ? -1 : 1))
    .map(({ device, hash }, position) => ({
      device,
      bucket: hash % bucketCount,
      step: limits.findIndex((limit) => position < limit),
    }));
}
