/** Windows into rounds: those of one device that begin in the same round are added. */
import type { WatchWindow } from './ports.js';
import { COUNTERS, type RoundSums } from './reference.js';

export interface DeviceRound {
  readonly device: string;
  readonly round: number;
  readonly sums: RoundSums;
  /** Of its last window. */
  readonly version: string;
  /** When the last of its windows was received. */
  receivedAtMs: number;
}

export const roundOf = (atMs: number, fromMs: number, roundMs: number): number =>
  Math.floor((atMs - fromMs) / roundMs);

/** In the order of rounds, then of devices. */
export function deviceRounds(
  windows: readonly WatchWindow[],
  fromMs: number,
  roundMs: number,
): DeviceRound[] {
  const found = new Map<string, DeviceRound>();
  for (const window of windows) {
    const round = roundOf(window.atMs, fromMs, roundMs);
    const key = `${round}|${window.device}`;
    const known = found.get(key);
    if (known) {
      add(known.sums, window);
      known.receivedAtMs = Math.max(known.receivedAtMs, window.receivedAtMs);
      continue;
    }
    const sums: RoundSums = { n: 0, classes: [], ood: null, features: null, counters: COUNTERS.map(() => 0) };
    add(sums, window);
    const { device, version, receivedAtMs } = window;
    found.set(key, { device, round, sums, version, receivedAtMs });
  }
  return [...found.values()].sort((a, b) => a.round - b.round || (a.device < b.device ? -1 : 1));
}

function add(sums: RoundSums, { n, classes, ood, features, counters }: WatchWindow): void {
  sums.n += n;
  addTo(sums.classes, classes);
  addTo(sums.counters, counters);
  if (ood) addTo((sums.ood ??= []), ood);
  if (!features) return;
  sums.features ??= features.map(() => ({ n: 0, sum: 0, sumSquares: 0 }));
  // How many there are is the device's word: the schema it names is not checked against them.
  features.slice(0, sums.features.length).forEach(({ n: more, sum, sumSquares }, f) => {
    const one = sums.features![f]!;
    sums.features![f] = { n: one.n + more, sum: one.sum + sum, sumSquares: one.sumSquares + sumSquares };
  });
}

function addTo(into: number[], counts: readonly number[]): void {
  counts.forEach((count, i) => (into[i] = (into[i] ?? 0) + count));
}
