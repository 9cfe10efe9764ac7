/**
 * Sums of windows, as the rollup tables hold them. Fixed edges merge by addition, so the order and the grouping of
 * windows do not matter; that each window is counted once is the store's duty (one fold per batch).
 */
import { unpackHistogram } from '@tinyfleet/wire';
import { unpackFeatures } from './features.js';
import { featureBins, oodBins, unknownModel, type WindowRow } from './window.js';

const hourMs = 3_600_000;
const dayMs = 86_400_000;

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
  featureMin: number[] | null;
  featureMax: number[] | null;
  /** switches, saturated, stuck, dropped frames, invalid, resets */
  counters: number[];
  /** Sum of mean cycles x n. */
  cyclesSum: number;
  cyclesMax: number;
}

interface Dimensions {
  readonly projectId: string;
  readonly modelVersionId: string;
  readonly typeId: string;
  readonly site: string;
  readonly schemaCrc: number;
  readonly confidenceBins: number;
}
export interface HourRollup extends Dimensions {
  /** Unix ms of the full hour. */
  readonly hourMs: number;
  readonly sums: WindowSums;
}
export interface DeviceDayRollup extends Dimensions {
  readonly deviceId: string;
  /** Unix ms of UTC midnight. */
  readonly dayMs: number;
  readonly sums: WindowSums;
}

/**
 * Windows of unknown bundles or unknown time are left out: they cannot be compared with anything.
 * @param classesOf length of the class axis of a bundle, by build prefix as hex
 */
export function foldWindows(
  rows: readonly WindowRow[],
  classesOf: (buildPrefix: Uint8Array, projectId: string) => number | undefined,
): { readonly hours: HourRollup[]; readonly deviceDays: DeviceDayRollup[] } {
  const hours = new Map<string, HourRollup>();
  const deviceDays = new Map<string, DeviceDayRollup>();
  for (const row of rows) {
    const classes = classesOf(row.buildPrefix, row.projectId);
    if (!row.timeKnown || row.modelVersionId === unknownModel || classes === undefined) continue;
    const { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins, deviceId } = row;
    const dimensions = { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins };
    const sums = sumsOf(row, classes);
    const hour = Math.floor(row.windowStartMs / hourMs) * hourMs;
    const day = Math.floor(row.windowStartMs / dayMs) * dayMs;
    const shared = `${projectId}|${modelVersionId}|${schemaCrc}|${confidenceBins}`;
    // The hour first: it adds a copy, the device's day may keep the object itself.
    const ofHour = hours.get(`${shared}|${typeId}|${site}|${hour}`);
    if (ofHour) addSums(ofHour.sums, sums);
    else
      hours.set(`${shared}|${typeId}|${site}|${hour}`, { ...dimensions, hourMs: hour, sums: copyOf(sums) });
    const ofDay = deviceDays.get(`${shared}|${deviceId}|${day}`);
    if (ofDay) addSums(ofDay.sums, sums);
    else deviceDays.set(`${shared}|${deviceId}|${day}`, { ...dimensions, deviceId, dayMs: day, sums });
  }
  // One order for all writers, so that two folds never lock rows crosswise.
  const inOrder = <T>(map: Map<string, T>): T[] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  return { hours: inOrder(hours), deviceDays: inOrder(deviceDays) };
}

function sumsOf(row: WindowRow, classes: number): WindowSums {
  const features = row.features ? unpackFeatures(row.features) : null;
  return {
    windows: 1,
    n: row.n,
    classes: classes > 0 ? unpackHistogram(row.classes, classes * row.confidenceBins, 'classes') : [],
    ood: row.ood ? unpackHistogram(row.ood, oodBins, 'ood') : null,
    featureCounts:
      features && features.flatMap((one) => unpackHistogram(one.histogram, featureBins, 'features')),
    featureSums: features && features.flatMap((one) => [one.n, one.sum, one.sumSquares]),
    featureMin: features && features.map((one) => one.min),
    featureMax: features && features.map((one) => one.max),
    counters: [row.switches, row.saturated, row.stuck, row.droppedFrames, row.invalid, row.resets].map(
      (v) => v ?? 0,
    ),
    cyclesSum: (row.cyclesMean ?? 0) * row.n,
    cyclesMax: row.cyclesMax ?? 0,
  };
}

/** Adds in place; `other` stays as it is. */
export function addSums(into: WindowSums, other: WindowSums): void {
  into.windows += other.windows;
  into.n += other.n;
  into.classes = combine(into.classes, other.classes, sum);
  into.ood = combineOptional(into.ood, other.ood, sum);
  into.featureCounts = combineOptional(into.featureCounts, other.featureCounts, sum);
  into.featureSums = combineOptional(into.featureSums, other.featureSums, sum);
  into.featureMin = combineOptional(into.featureMin, other.featureMin, Math.min);
  into.featureMax = combineOptional(into.featureMax, other.featureMax, Math.max);
  into.counters = combine(into.counters, other.counters, sum);
  into.cyclesSum += other.cyclesSum;
  into.cyclesMax = Math.max(into.cyclesMax, other.cyclesMax);
}

const sum = (a: number, b: number): number => a + b;

function combineOptional(
  into: number[] | null,
  other: readonly number[] | null,
  of: (a: number, b: number) => number,
): number[] | null {
  if (other === null) return into;
  return into === null ? [...other] : combine(into, other, of);
}

/** Element-wise into the first; what only one has is kept. */
function combine(into: number[], other: readonly number[], of: (a: number, b: number) => number): number[] {
  for (let i = 0; i < other.length; i++) into[i] = i < into.length ? of(into[i]!, other[i]!) : other[i]!;
  return into;
}

const copyOf = (sums: WindowSums): WindowSums => structuredClone(sums);
