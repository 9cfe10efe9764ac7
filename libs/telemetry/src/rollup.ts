/**
 * Sums of windows, as the rollup tables hold them. Fixed edges merge by addition, so the order and the grouping of
 * windows do not matter; that each window is counted once is the store's duty (one fold per batch).
 */
import { unpackHistogram, type FeatureSummary } from '@tinyfleet/wire';
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
  // Runs for every window that is ever stored: found by short keys and compared by field, because building one long
  // key for each row costs more than the addition.
  const hours = new Map<number, HourRollup[]>();
  const deviceDays = new Map<string, DeviceDayRollup[]>();
  for (const row of rows) {
    const classes = classesOf(row.buildPrefix, row.projectId);
    if (!row.timeKnown || row.modelVersionId === unknownModel || classes === undefined) continue;
    const parts = unpack(row, classes);
    const hour = Math.floor(row.windowStartMs / hourMs) * hourMs;
    const ofHour = listOf(hours, hour);
    let inHour = ofHour.find(
      (one) => isAlike(one, row) && one.typeId === row.typeId && one.site === row.site,
    );
    if (!inHour) ofHour.push((inHour = { ...dimensionsOf(row), hourMs: hour, sums: noSums() }));
    addWindow(inHour.sums, row, parts);
    const day = Math.floor(row.windowStartMs / dayMs) * dayMs;
    const ofDevice = listOf(deviceDays, row.deviceId);
    let onDay = ofDevice.find((one) => one.dayMs === day && isAlike(one, row));
    if (!onDay) {
      ofDevice.push((onDay = { ...dimensionsOf(row), deviceId: row.deviceId, dayMs: day, sums: noSums() }));
    }
    addWindow(onDay.sums, row, parts);
  }
  // One order for all writers, so that two folds never lock rows crosswise.
  const inOrder = <T extends Dimensions>(lists: Iterable<T[]>, own: (one: T) => string): T[] =>
    [...lists]
      .flat()
      .map((one) => ({
        one,
        key: `${one.projectId}|${own(one)}|${one.modelVersionId}|${one.schemaCrc}|${one.confidenceBins}`,
      }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ one }) => one);
  return {
    hours: inOrder(hours.values(), ({ hourMs: at, typeId, site }) => `${at}|${typeId}|${site}`),
    deviceDays: inOrder(deviceDays.values(), ({ deviceId, dayMs: at }) => `${deviceId}|${at}`),
  };
}

function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}

/** Of one project, version, schema and number of confidence bins: these alone may be added. */
function isAlike(one: Dimensions, row: WindowRow): boolean {
  return (
    one.modelVersionId === row.modelVersionId &&
    one.schemaCrc === row.schemaCrc &&
    one.confidenceBins === row.confidenceBins &&
    one.projectId === row.projectId
  );
}

function dimensionsOf(row: WindowRow): Dimensions {
  const { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins } = row;
  return { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins };
}

interface WindowParts {
  readonly classes: readonly number[];
  readonly ood: readonly number[] | null;
  readonly features: readonly FeatureSummary[] | null;
}

function unpack(row: WindowRow, classes: number): WindowParts {
  return {
    classes: classes > 0 ? unpackHistogram(row.classes, classes * row.confidenceBins, 'classes') : [],
    ood: row.ood && unpackHistogram(row.ood, oodBins, 'ood'),
    features: row.features && unpackFeatures(row.features),
  };
}

const noSums = (): WindowSums => ({
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

function addWindow(sums: WindowSums, row: WindowRow, { classes, ood, features }: WindowParts): void {
  sums.windows++;
  sums.n += row.n;
  add(sums.classes, classes);
  if (ood) add((sums.ood ??= []), ood);
  const { counters } = sums;
  counters[0]! += row.switches ?? 0;
  counters[1]! += row.saturated ?? 0;
  counters[2]! += row.stuck ?? 0;
  counters[3]! += row.droppedFrames ?? 0;
  counters[4]! += row.invalid ?? 0;
  counters[5]! += row.resets ?? 0;
  sums.cyclesSum += (row.cyclesMean ?? 0) * row.n;
  sums.cyclesMax = Math.max(sums.cyclesMax, row.cyclesMax ?? 0);
  if (!features) return;
  const [counts, moments] = [(sums.featureCounts ??= []), (sums.featureSums ??= [])];
  const [least, greatest] = [(sums.featureMin ??= []), (sums.featureMax ??= [])];
  for (const [i, one] of features.entries()) {
    add(counts, unpackHistogram(one.histogram, featureBins, 'features'), i * featureBins);
    add(moments, [one.n, one.sum, one.sumSquares], i * 3);
    least[i] = i < least.length ? Math.min(least[i]!, one.min) : one.min;
    greatest[i] = i < greatest.length ? Math.max(greatest[i]!, one.max) : one.max;
  }
}

/** Element-wise into the first, which grows as needed. */
function add(into: number[], other: readonly number[], at = 0): void {
  while (into.length < at + other.length) into.push(0);
  for (let i = 0; i < other.length; i++) into[at + i]! += other[i]!;
}
