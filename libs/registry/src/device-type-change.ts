/**
 * Which changes of a device type are safe while devices have it and bundles were built for it. What a bundle was made for
 * must stay true: memory and ops may grow, the layout of flash and the kind of core may not change at all.
 */
import type { DeviceTypeSpec } from './catalogue.js';

const FIXED = ['core', 'profile', 'sectorBytes', 'programUnitBytes'] as const;
const GROWING = ['slotBytes', 'arenaBytes', 'stateBytes'] as const;

/** What may not happen, such as `change sectorBytes`; empty: all of it is safe. */
export function unsafeChanges(before: DeviceTypeSpec, after: DeviceTypeSpec): string[] {
  const unsafe: string[] = [];
  for (const figure of FIXED)
    if ((before[figure] ?? 'full') !== (after[figure] ?? 'full')) unsafe.push(`change ${figure}`);
  for (const figure of GROWING) if (after[figure] < before[figure]) unsafe.push(`lower ${figure}`);
  if (before.abi !== after.abi && !isNewer(before.abi, after.abi))
    unsafe.push(`go from ABI ${before.abi} to ${after.abi}`);
  const gone = Object.entries(before.ops).filter(([name, version]) => (after.ops[name] ?? 0) < version);
  if (gone.length > 0) unsafe.push(`lose ${gone.map(([name]) => name).join(', ')}`);
  return unsafe;
}

/** Bundles run on every later minor of their major. */
function isNewer(before: string, after: string): boolean {
  const [major = 0, minor = 0] = before.split('.').map(Number);
  const [nextMajor, nextMinor = 0] = after.split('.').map(Number);
  return nextMajor === major && nextMinor > minor;
}
