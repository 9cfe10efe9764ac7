/**
 * Who is concerned: one device, some, one value of an attribute, or everyone. Found from alarms of all levels in one round and from
 * who else is on the way to one.
 *
 * A group counts as concerned when most of its devices move; a single device that drags its group's mean along does not make it so.
 */
import { searchAttributes, type Attributes, type Cause } from './attribute-search.js';

export type Scope =
  | { readonly kind: 'device'; readonly device: number }
  /** Several, without anything in common. */
  | { readonly kind: 'devices'; readonly devices: readonly number[] }
  | { readonly kind: 'attribute'; readonly cause: Cause; readonly devices: readonly number[] }
  | { readonly kind: 'everyone'; readonly devices: readonly number[] };

/** Share of the way to an alarm from which a device counts as moving with others. */
const MOVING = 0.4;
/** Of all devices, from which the fleet is concerned rather than a part of it. */
const EVERYONE = 0.6;

/**
 * @param levels share of the way to the alarm with its sign, by device (FleetWatch.levels); NaN = silent
 * @param alarmed devices that alarmed in this round, with the sign of their shift
 * @param fleetSign direction of the fleet's own alarm; 0 = none
 */
export function scopeOf(
  attributes: readonly Attributes[],
  levels: ArrayLike<number>,
  alarmed: ReadonlyMap<number, 1 | -1>,
  fleetSign: 0 | 1 | -1 = 0,
): Scope {
  const everybody = attributes.map((_, j) => j);
  // What all share is taken away before devices are judged: a shift of the whole fleet shows in its own stream alone.
  if (fleetSign !== 0) return { kind: 'everyone', devices: everybody };
  const signs = [1, -1] as const;
  const moving = signs
    .map((sign) => everybody.filter((j) => alarmed.get(j) === sign || sign * levels[j]! >= MOVING))
    .sort((a, b) => b.length - a.length)[0]!;
  if (moving.length >= EVERYONE * attributes.length && moving.length > 2)
    return { kind: 'everyone', devices: moving };
  const drifted = attributes.map(() => false);
  for (const j of moving) drifted[j] = true;
  const cause = searchAttributes(attributes, drifted, { limit: 10 }).find(
    ({ covers, purity }) => covers >= 0.6 && purity >= 0.5,
  );
  if (cause) return { kind: 'attribute', cause, devices: moving };
  const devices = [...alarmed.keys()];
  return devices.length === 1 ? { kind: 'device', device: devices[0]! } : { kind: 'devices', devices };
}
