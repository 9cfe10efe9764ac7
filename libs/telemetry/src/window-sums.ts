/** The sums of windows and how one is added: by integers, so that neither order nor grouping matters. */
import { readHistogram } from '@tinyfleet/wire';
import { visitFeatures } from './features.js';
import { featureBins, oodBins, type FoldedWindow } from './window.js';

/** Everything is an integer; sums may exceed 2^53 only after 10^9 windows of the largest values. */
export interface WindowSums {
  windows: number;
  n: number;
  /** Class-major, classes x confidence bins. */
  classes: number[];
  ood: number[] | null;
  /** Features x 16. */
  featureCounts: number[] | null;
  /** Features x (n, sum, sum of squares). */
  featureSums: number[] | null;
  /** 32,767 and -32,768 where a feature has no value. */
  featureMin: number[] | null;
  featureMax: number[] | null;
  /** switches, saturated, stuck, dropped frames, invalid, resets */
  counters: number[];
  /** Sum of mean cycles x n. */
  cyclesSum: number;
  cyclesMax: number;
}

/** Of a feature that has no value yet: any value is less, or greater. */
const noLeast = 32_767;
const noGreatest = -32_768;

export const noSums = (): WindowSums => ({
  windows: 0,
  n: 0,
  classes: [],
  ood: null,
  featureCounts: null,
  featureSums: null,
  featureMin: null,
  featureMax: null,
  counters: [0, 0, 0, 0, 0, 0],
  cyclesSum: 0,
  cyclesMax: 0,
});

/**
 * What a window's bytes hold. One serves for all windows that are folded: it is added to a few sums and read no more, and
 * arrays of its own for each would cost more than the additions.
 */
export class UnpackedWindow {
  readonly classes: number[] = [];
  classCells = 0;
  readonly ood: number[] = [];
  hasOod = false;
  /** Features x 16, and x (n, sum, sum of squares). */
  readonly counts: number[] = [];
  readonly moments: number[] = [];
  readonly least: number[] = [];
  readonly greatest: number[] = [];
  /** -1: the window has none. */
  features = -1;

  /** @throws wire.histogram-invalid; never of a row that was accepted for this bundle */
  read(row: FoldedWindow, classes: number): void {
    this.classCells = classes * row.confidenceBins;
    if (classes > 0) readHistogram(row.classes, this.classes, { bins: this.classCells, field: 'classes' });
    this.hasOod = row.ood !== null;
    if (row.ood) readHistogram(row.ood, this.ood, { bins: oodBins, field: 'ood' });
    this.features = -1;
    if (!row.features) return;
    this.features = 0;
    const { features: bytes } = row;
    visitFeatures(bytes, ({ from, to, numbers }, i) => {
      const at = i * featureBins;
      readHistogram(bytes, this.counts, { bins: featureBins, field: 'features', at, from, to });
      for (let k = 0; k < 3; k++) this.moments[i * 3 + k] = numbers[k]!;
      this.least[i] = numbers[3]!;
      this.greatest[i] = numbers[4]!;
      this.features = i + 1;
    });
  }
}

/** @returns numbers by which the arrays of the sums grew */
export function addWindow(sums: WindowSums, row: FoldedWindow, unpacked: UnpackedWindow): number {
  sums.windows++;
  sums.n += row.n;
  let grown = add(sums.classes, unpacked.classes, unpacked.classCells);
  if (unpacked.hasOod) grown += add((sums.ood ??= []), unpacked.ood, oodBins);
  const { counters } = sums;
  counters[0]! += row.switches ?? 0;
  counters[1]! += row.saturated ?? 0;
  counters[2]! += row.stuck ?? 0;
  counters[3]! += row.droppedFrames ?? 0;
  counters[4]! += row.invalid ?? 0;
  counters[5]! += row.resets ?? 0;
  sums.cyclesSum += (row.cyclesMean ?? 0) * row.n;
  sums.cyclesMax = Math.max(sums.cyclesMax, row.cyclesMax ?? 0);
  const { features } = unpacked;
  if (features < 0) return grown;
  grown += add((sums.featureCounts ??= []), unpacked.counts, features * featureBins);
  grown += add((sums.featureSums ??= []), unpacked.moments, features * 3);
  const [least, greatest] = [(sums.featureMin ??= []), (sums.featureMax ??= [])];
  grown += 2 * Math.max(0, features - least.length);
  for (let i = 0; i < features; i++) {
    if (unpacked.moments[i * 3] === 0) {
      least[i] ??= noLeast;
      greatest[i] ??= noGreatest;
      continue;
    }
    least[i] = i < least.length ? Math.min(least[i]!, unpacked.least[i]!) : unpacked.least[i]!;
    greatest[i] = i < greatest.length ? Math.max(greatest[i]!, unpacked.greatest[i]!) : unpacked.greatest[i]!;
  }
  return grown;
}

/**
 * Sums of sums, for rollups that were kept apart: commutative and associative, with `noSums()` as the neutral element. That a
 * window is in one of them only is the duty of who keeps them.
 */
export function mergeSums(a: WindowSums, b: WindowSums): WindowSums {
  const both = (x: number[] | null, y: number[] | null, of: (p: number, q: number) => number) => {
    if (!x || !y) return x ?? y;
    const [long, short] = x.length >= y.length ? [x, y] : [y, x];
    return long.map((value, i) => (i < short.length ? of(value, short[i]!) : value));
  };
  const plus = (p: number, q: number): number => p + q;
  return {
    windows: a.windows + b.windows,
    n: a.n + b.n,
    classes: both(a.classes, b.classes, plus)!,
    ood: both(a.ood, b.ood, plus),
    featureCounts: both(a.featureCounts, b.featureCounts, plus),
    featureSums: both(a.featureSums, b.featureSums, plus),
    featureMin: both(a.featureMin, b.featureMin, Math.min),
    featureMax: both(a.featureMax, b.featureMax, Math.max),
    counters: both(a.counters, b.counters, plus)!,
    cyclesSum: a.cyclesSum + b.cyclesSum,
    cyclesMax: Math.max(a.cyclesMax, b.cyclesMax),
  };
}

/** The first `cells` of another, element-wise, into one that grows as needed. @returns by how much */
function add(into: number[], other: readonly number[], cells: number): number {
  const grown = Math.max(0, cells - into.length);
  while (into.length < cells) into.push(0);
  for (let i = 0; i < cells; i++) into[i]! += other[i]!;
  return grown;
}
