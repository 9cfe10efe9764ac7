/**
 * Sums of windows, as the rollup tables hold them. Fixed edges merge by addition, so the order and the grouping of
 * windows do not matter; that each window is counted once is the store's duty (one fold per batch).
 */
import { defaultMaxBins, unknownModel, type FoldedWindow } from './window.js';
import { addWindow, mergeSums, noSums, UnpackedWindow, type WindowSums } from './window-sums.js';

/** Hours of the spans that are kept of all devices, of a type and of a site. */
export const rollupSpans = [1, 6, 24] as const;
/** An hour's sums and those of its spans, each of all, of a type and of a site. */
const rowsOfHour = 1 + 3 * rollupSpans.length;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

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
/** Of all devices, or of one type or site: what is read alone. */
export interface SpanRollup extends Omit<Dimensions, 'typeId' | 'site'> {
  readonly part: 'all' | 'type' | 'site';
  /** '' of all, else an id or a name. */
  readonly member: string;
  readonly spanHours: number;
  /** Unix ms, a multiple of the span since 1970: spans are of UTC. */
  readonly startMs: number;
  readonly sums: WindowSums;
}

export interface Rollups {
  readonly hours: HourRollup[];
  readonly deviceDays: DeviceDayRollup[];
}

/** Of a bundle, by its build prefix: length of the class axis. Undefined: nobody knows the bundle. */
export type ClassesOf = (buildPrefix: Uint8Array, projectId: string) => number | undefined;

/**
 * Takes windows one after the other and keeps none of them, so that whoever reads them may use one object for all. Windows of
 * unknown bundles or unknown time are left out: they cannot be compared with anything.
 */
export class WindowFold {
  // Runs for every window that is ever stored: found by short keys and compared by field, because building one long
  // key for each row costs more than the addition.
  private hours = new Map<number, HourRollup[]>();
  private deviceDays = new Map<string, DeviceDayRollup[]>();
  private readonly unpacked = new UnpackedWindow();
  /** Of the window before: the next one is mostly of the same hour, and of the same device when they come in its order. */
  private lastHour: HourRollup | undefined;
  private lastDay: DeviceDayRollup | undefined;
  private heldCells = 0;
  private oversizedWindows = 0;

  /** @param maxBins classes x confidence bins: windows of more, stored when nobody refused them, are left out and counted */
  constructor(
    private readonly classesOf: ClassesOf,
    private readonly maxBins = defaultMaxBins,
  ) {}

  /** Numbers that the result holds and its spans will, at most. */
  get cells(): number {
    return this.heldCells;
  }

  get oversized(): number {
    return this.oversizedWindows;
  }

  add(row: FoldedWindow): void {
    const classes = this.classesOf(row.buildPrefix, row.projectId);
    if (!row.timeKnown || row.modelVersionId === unknownModel || classes === undefined) return;
    if (classes * row.confidenceBins > this.maxBins) {
      this.oversizedWindows++;
      return;
    }
    const { unpacked } = this;
    unpacked.read(row, classes);
    const hour = Math.floor(row.windowStartMs / hourMs) * hourMs;
    let inHour = this.lastHour;
    if (inHour?.hourMs !== hour || !isOfHour(inHour, row)) {
      const ofHour = listOf(this.hours, hour);
      inHour = ofHour.find((one) => isOfHour(one, row));
      if (!inHour) ofHour.push((inHour = { ...dimensionsOf(row), hourMs: hour, sums: noSums() }));
      this.lastHour = inHour;
    }
    this.heldCells += addWindow(inHour.sums, row, unpacked) * rowsOfHour;
    const day = Math.floor(row.windowStartMs / dayMs) * dayMs;
    let onDay = this.lastDay;
    if (onDay?.deviceId !== row.deviceId || onDay.dayMs !== day || !isAlike(onDay, row)) {
      const ofDevice = listOf(this.deviceDays, row.deviceId);
      onDay = ofDevice.find((one) => one.dayMs === day && isAlike(one, row));
      if (!onDay) {
        ofDevice.push((onDay = { ...dimensionsOf(row), deviceId: row.deviceId, dayMs: day, sums: noSums() }));
      }
      this.lastDay = onDay;
    }
    this.heldCells += addWindow(onDay.sums, row, unpacked);
  }

  /** In one order for all writers, so that two folds never lock rows crosswise. */
  result(): Rollups {
    return {
      hours: inOrder(this.hours.values(), ({ hourMs: at, typeId, site }) => `${at}|${typeId}|${site}`),
      deviceDays: inOrder(this.deviceDays.values(), ({ deviceId, dayMs: at }) => `${deviceId}|${at}`),
    };
  }

  /** The result so far; what comes next is added to nothing. */
  take(): Rollups {
    const made = this.result();
    this.hours = new Map();
    this.deviceDays = new Map();
    this.lastHour = undefined;
    this.lastDay = undefined;
    this.heldCells = 0;
    return made;
  }
}

export function foldWindows(rows: Iterable<FoldedWindow>, classesOf: ClassesOf): Rollups {
  const fold = new WindowFold(classesOf);
  for (const row of rows) fold.add(row);
  return fold.result();
}

function inOrder<T extends Dimensions>(lists: Iterable<T[]>, own: (one: T) => string): T[] {
  return [...lists]
    .flat()
    .map((one) => ({
      one,
      key: `${one.projectId}|${own(one)}|${one.modelVersionId}|${one.schemaCrc}|${one.confidenceBins}`,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ one }) => one);
}

/** The spans that hours belong to, in one order for all writers. */
export function foldSpans(hours: readonly HourRollup[]): SpanRollup[] {
  const spans = new Map<string, SpanRollup>();
  for (const { projectId, modelVersionId, schemaCrc, confidenceBins, ...hour } of hours) {
    const members = [
      { part: 'all', member: '' },
      { part: 'type', member: hour.typeId },
      { part: 'site', member: hour.site },
    ] as const;
    for (const spanHours of rollupSpans) {
      const startMs = Math.floor(hour.hourMs / (spanHours * hourMs)) * spanHours * hourMs;
      for (const { part, member } of members) {
        const key = [projectId, part, spanHours, startMs, modelVersionId, schemaCrc, confidenceBins, member];
        const known = spans.get(key.join('|'));
        const sums = known ? mergeSums(known.sums, hour.sums) : hour.sums;
        const of = { projectId, modelVersionId, schemaCrc, confidenceBins };
        spans.set(key.join('|'), { ...of, part, member, spanHours, startMs, sums });
      }
    }
  }
  return [...spans].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, span]) => span);
}

function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}

/** Of one project, version, schema and number of confidence bins: these alone may be added. */
function isAlike(one: Dimensions, row: FoldedWindow): boolean {
  return (
    one.modelVersionId === row.modelVersionId &&
    one.schemaCrc === row.schemaCrc &&
    one.confidenceBins === row.confidenceBins &&
    one.projectId === row.projectId
  );
}

const isOfHour = (one: HourRollup, row: FoldedWindow): boolean =>
  isAlike(one, row) && one.typeId === row.typeId && one.site === row.site;

function dimensionsOf(row: FoldedWindow): Dimensions {
  const { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins } = row;
  return { projectId, modelVersionId, typeId, site, schemaCrc, confidenceBins };
}
