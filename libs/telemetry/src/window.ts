/**
 * From a telemetry message to the row that is stored: where its window lies in time, whether it is plausible, and
 * what identifies it. A redelivered window must become the very same row, so nothing here depends on its arrival.
 */
import { FleetError } from '@tinyfleet/errors';
import { readHistogram, unpackPicks, type Pick, type Telemetry } from '@tinyfleet/wire';
import type { DeviceRecord } from './directory.js';

export const unknownModel = '00000000-0000-0000-0000-000000000000';
export const defaultConfidenceBins = 8;
/** Bins of a monitored feature and of the out-of-distribution score (docs/spec/wire.cddl). */
export const featureBins = 16;
export const oodBins = 16;
const dayMs = 86_400_000;
/** Histograms are unpacked here to be checked; what they hold is read when they are folded. */
const checked: number[] = [];
/** A window is an hour by default; nobody can say anything of one that is longer than a week. */
const maxWindowMs = 7 * dayMs;
/** A window that takes every k-th inference spans more of them than it counts: offsets are bounded by their 16 bits alone. */
const picksBelow = 65_536;

/** How one boot's milliseconds map to unix time; decided once for each boot and never changed. */
export interface BootClock {
  /** unix ms = offsetMs + device ms; 0: nobody knows the time of this boot. */
  readonly offsetMs: number;
  /** The device itself had time; else the offset comes from the arrival of its hello. */
  readonly known: boolean;
}

/** For a boot whose first message was a window, without a hello and without time. */
export const timelessBoot: BootClock = { offsetMs: 0, known: false };

/** What a bundle's prefix stands for. */
export interface BundleName {
  readonly modelVersionId: string;
  /** Length of the class axis; 0: the model names no classes. */
  readonly classes: number;
}

export interface WindowPolicy {
  /** Windows that started longer ago are refused: their partitions are gone. */
  readonly retentionDays: number;
  /** Unix ms. Windows that started before it have been removed: one that comes again would be counted twice. */
  readonly fromMs?: number;
  /** Clocks may be ahead of ours by so much. */
  readonly maxAheadMs: number;
  /** Classes x confidence bins: a few bytes of counts become sums of so many cells, eleven times. */
  readonly maxBins: number;
}

/** As many bins as telemetry.json takes. */
export const defaultMaxBins = 4_096 * 16;
export const defaultWindowPolicy: WindowPolicy = {
  retentionDays: 31,
  maxAheadMs: 600_000,
  maxBins: defaultMaxBins,
};

/** A window as stored. Times in unix ms; absent numbers are null. */
export interface WindowRow {
  readonly projectId: string;
  readonly deviceId: string;
  readonly bootId: bigint;
  readonly sequence: number;
  readonly windowStartMs: number;
  readonly windowMs: number;
  readonly receivedAtMs: number;
  readonly component: number;
  readonly timeKnown: boolean;
  readonly modelVersionId: string;
  readonly typeId: string;
  readonly site: string;
  readonly buildPrefix: Uint8Array;
  readonly schemaCrc: number;
  readonly n: number;
  readonly confidenceBins: number;
  readonly classes: Uint8Array;
  readonly features: Uint8Array | null;
  readonly ood: Uint8Array | null;
  readonly switches: number | null;
  readonly saturated: number | null;
  readonly stuck: number | null;
  readonly droppedFrames: number | null;
  readonly invalid: number | null;
  readonly cyclesMean: number | null;
  readonly cyclesMax: number | null;
  readonly arenaBytes: number | null;
  readonly stackBytes: number | null;
  readonly batteryPercent: number | null;
  readonly resets: number | null;
  readonly firstIndex: number | null;
}

/** What of a window is needed for sums. */
export type FoldedWindow = Omit<
  WindowRow,
  | 'bootId'
  | 'sequence'
  | 'windowMs'
  | 'receivedAtMs'
  | 'component'
  | 'arenaBytes'
  | 'stackBytes'
  | 'batteryPercent'
  | 'firstIndex'
>;

/** A prediction that the device kept for labelling. */
export interface PickRow {
  readonly projectId: string;
  readonly deviceId: string;
  readonly bootId: bigint;
  readonly inferenceIndex: number;
  readonly atMs: number;
  readonly modelVersionId: string;
  readonly typeId: string;
  readonly site: string;
  readonly predicted: number;
  readonly confidence: number;
}

export interface WindowSource {
  readonly device: DeviceRecord;
  /** What its features hold is in `features` alone. Where the source waits as it came, it may be read anew, and throw what decoding throws. */
  readonly message: Omit<Telemetry, 'features'>;
  /** CBOR of the feature summaries, as it came, checked. */
  readonly features: Uint8Array | null;
  readonly receivedAtMs: number;
  /** The message tells nothing of its time: its boot, of which it is the only one, begins when it first arrives. */
  readonly isTimedByArrival?: boolean;
  /** Its number is above all that came of its boot, so it is hardly stored yet: a hint, which only saves work. */
  readonly isNew?: boolean;
  /** What was read is not needed any more, or not for long: rows are made of it. */
  release?(): void;
}

/**
 * Start of a window. The device's own time wins; else the clock of its boot; a boot without any is placed on
 * 1970-01-01 by its uptime modulo one day, so that such rows stay together, apart from all real time, in one partition.
 */
export function placeWindow(
  message: { readonly startMs: number; readonly startUnixMs?: number },
  clock: BootClock | undefined,
): { readonly startMs: number; readonly known: boolean } {
  if (message.startUnixMs !== undefined) return { startMs: message.startUnixMs, known: true };
  if (clock && clock.offsetMs !== 0) return { startMs: clock.offsetMs + message.startMs, known: true };
  return { startMs: message.startMs % dayMs, known: false };
}

/**
 * The clock that a hello gives its boot: the device's time when it has it, else the moment of arrival.
 */
export function clockOfHello(
  hello: { readonly uptimeMs: number; readonly unixTimeMs?: number },
  receivedAtMs: number,
): BootClock {
  return hello.unixTimeMs === undefined
    ? { offsetMs: receivedAtMs - hello.uptimeMs, known: false }
    : { offsetMs: hello.unixTimeMs - hello.uptimeMs, known: true };
}

/**
 * @throws telemetry.window-too-old, telemetry.window-in-future, telemetry.count-mismatch, wire.histogram-invalid,
 *   wire.out-of-range, wire.picks-invalid
 */
export function acceptWindow(
  source: WindowSource,
  context: {
    readonly bundle: BundleName | undefined;
    readonly clock: BootClock | undefined;
    readonly nowMs: number;
    readonly policy: WindowPolicy;
  },
): { readonly row: WindowRow; readonly picks: PickRow[] } {
  const { device, message } = source;
  const { bundle, policy, nowMs } = context;
  if (message.lengthMs > maxWindowMs) {
    const range = `0..${maxWindowMs}`;
    throw new FleetError('wire.out-of-range', {
      message: 'telemetry',
      field: 'lengthMs',
      value: message.lengthMs,
      range,
    });
  }
  const { startMs, known } = placeWindow(message, context.clock);
  if (known) requireInTime(startMs, nowMs, policy);
  const confidenceBins = message.confidenceBins ?? defaultConfidenceBins;
  if (message.ood) readHistogram(message.ood, checked, { bins: oodBins, field: 'ood' });
  if (bundle && bundle.classes > 0) {
    const bins = bundle.classes * confidenceBins;
    if (bins > policy.maxBins) {
      const range = `0..${Math.floor(policy.maxBins / bundle.classes)}`;
      const of = { message: 'telemetry', field: 'confidenceBins' };
      throw new FleetError('wire.out-of-range', { ...of, value: confidenceBins, range });
    }
    const counted = readHistogram(message.classes, checked, { bins, field: 'classes' });
    if (counted !== message.n) throw new FleetError('telemetry.count-mismatch', { counted, n: message.n });
  }
  const modelVersionId = bundle?.modelVersionId ?? unknownModel;
  const row: WindowRow = {
    projectId: device.projectId,
    deviceId: device.deviceId,
    bootId: message.bootId,
    sequence: message.sequence,
    windowStartMs: startMs,
    windowMs: message.lengthMs,
    receivedAtMs: source.receivedAtMs,
    component: message.component === 'firmware' ? 1 : 0,
    timeKnown: known,
    modelVersionId,
    typeId: device.typeId,
    site: device.site,
    buildPrefix: message.build,
    schemaCrc: message.schema,
    n: message.n,
    confidenceBins,
    classes: message.classes,
    features: source.features,
    ood: message.ood ?? null,
    switches: message.switches ?? null,
    saturated: message.saturated ?? null,
    stuck: message.stuck ?? null,
    droppedFrames: message.droppedFrames ?? null,
    invalid: message.invalid ?? null,
    cyclesMean: message.cyclesMean ?? null,
    cyclesMax: message.cyclesMax ?? null,
    arenaBytes: message.arenaBytes ?? null,
    stackBytes: message.stackBytes ?? null,
    batteryPercent: message.batteryPercent ?? null,
    resets: message.resets ?? null,
    firstIndex: message.firstIndex ?? null,
  };
  if (message.picks === undefined || message.firstIndex === undefined || !bundle || !known)
    return { row, picks: [] };
  const { firstIndex } = message;
  const picks = unpackPicks(message.picks, message.n === 0 ? 0 : picksBelow).map((pick: Pick): PickRow => ({
    projectId: row.projectId,
    deviceId: row.deviceId,
    bootId: row.bootId,
    inferenceIndex: firstIndex + pick.offset,
    atMs: startMs,
    modelVersionId,
    typeId: row.typeId,
    site: row.site,
    predicted: pick.predicted,
    confidence: pick.confidence,
  }));
  return { row, picks };
}

function requireInTime(startMs: number, nowMs: number, policy: WindowPolicy): void {
  if (startMs < Math.max(nowMs - policy.retentionDays * dayMs, policy.fromMs ?? -Infinity)) {
    throw new FleetError('telemetry.window-too-old', { startAt: isoOf(startMs), days: policy.retentionDays });
  }
  if (startMs > nowMs + policy.maxAheadMs) {
    const seconds = Math.round((startMs - nowMs) / 1_000);
    throw new FleetError('telemetry.window-in-future', { startAt: isoOf(startMs), seconds });
  }
}

/** Times of strangers may lie outside what Date can print. */
function isoOf(unixMs: number): string {
  return Math.abs(unixMs) <= 8.64e15 ? new Date(unixMs).toISOString() : `${unixMs} ms`;
}
