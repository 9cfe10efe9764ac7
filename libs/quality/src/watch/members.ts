/** Devices of a watch and their places in it, and how their windows come into it. */
import type { FleetWatch } from '../drift/fleet-watch.js';
import type { WatchedDevice, WatchMember, WatchSchema } from './ports.js';
import { valuesOf, type WatchReference } from './reference.js';
import type { DeviceRound } from './rounds.js';

/** What windows have to share to be compared. */
export type SchemaKey = Pick<WatchSchema, 'modelId' | 'schemaCrc' | 'confidenceBins' | 'classCount'>;
export const isSame = (a: SchemaKey, b: SchemaKey): boolean =>
  a.modelId === b.modelId &&
  a.schemaCrc === b.schemaCrc &&
  a.confidenceBins === b.confidenceBins &&
  a.classCount === b.classCount;

export const byId = (devices: readonly WatchedDevice[]) => new Map(devices.map((one) => [one.id, one]));
export const placesOf = (members: readonly WatchMember[]) => new Map(members.map(([id], j) => [id, j]));
export const versionsOf = (members: readonly WatchMember[]) => [
  ...new Set(members.map(([, version]) => version)),
];

/** Known devices keep their places; new ones come behind them. A change of version is noted with its round. */
export function join(members: readonly WatchMember[], rounds: readonly DeviceRound[]): WatchMember[] {
  const all = new Map(members.map((one) => [one[0], one]));
  for (const { device, version, round } of rounds) {
    const known = all.get(device);
    if (!known) all.set(device, [device, version, round]);
    else if (known[1] !== version && round >= known[2]) all.set(device, [device, version, round]);
  }
  return [...all.values()];
}

/** Answers how many came behind the watermark. @param since received from then on: what came before was seen in its turn */
export function observe(
  watch: FleetWatch,
  reference: WatchReference,
  places: ReadonlyMap<string, number>,
  rounds: readonly DeviceRound[],
  since = 0,
): number {
  let tooLate = 0;
  for (const { device, round, sums, receivedAtMs } of rounds) {
    const place = places.get(device);
    if (place === undefined) continue;
    if (watch.knows(round, place)) {
      if (since > 0 && receivedAtMs >= since) tooLate++;
      continue;
    }
    const { values, variances } = valuesOf(reference, sums);
    watch.observe(round, place, values, variances);
  }
  return tooLate;
}
