/**
 * The range and bucket length of a query over time. Short buckets read raw rows, so they are offered for short ranges
 * only; from an hour on sums are read, by the longest spans that fit into buckets, and buckets are whole hours in UTC.
 */
import { FleetError } from '@tinyfleet/errors';

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucketSeconds: number;
}
export interface RangeRequest {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly bucketSeconds?: number | undefined;
}

const HOUR_S = 3_600;
const DAY_MS = 86_400_000;
const HOUR_MS = HOUR_S * 1_000;
/** Of which sums are kept, in hours. */
const SPANS = [24, 6, 1];
export interface BucketLimits {
  /** When nobody says how long one is. Default 200. */
  readonly wanted: number;
  /** Default 1,000: an hour each for 41 days. */
  readonly most: number;
}
export const bucketDefaults: BucketLimits = { wanted: 200, most: 1_000 };
/** Buckets below an hour read raw rows: at most this much time of them. */
export const RAW_RANGE_MS = 2 * HOUR_S * 1_000;
export const MAX_RANGE_DAYS = 400;
const DEFAULT_RANGE_MS = 15 * DAY_MS;
const LADDER_S = [
  10,
  30,
  60,
  300,
  600,
  1_800,
  HOUR_S,
  2 * HOUR_S,
  3 * HOUR_S,
  6 * HOUR_S,
  12 * HOUR_S,
  24 * HOUR_S,
];

/**
 * @throws telemetry.range-invalid when `from` is not before `to` or the range is longer than 400 days; telemetry.buckets-too-many
 * when buckets were asked for that are too short for it
 */
export function timeRange(request: RangeRequest, nowMs: number, buckets = bucketDefaults): TimeRange {
  const toMs = request.to === undefined ? nowMs : Date.parse(request.to);
  const fromMs = request.from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(request.from);
  const limit = MAX_RANGE_DAYS;
  if (!(fromMs < toMs))
    throw new FleetError('telemetry.range-invalid', { reason: 'from is not before to', limit });
  if (toMs - fromMs > limit * DAY_MS) {
    throw new FleetError('telemetry.range-invalid', { reason: 'it is too long', limit });
  }
  const wanted = request.bucketSeconds ?? (toMs - fromMs) / 1_000 / buckets.wanted;
  const smallest = toMs - fromMs <= RAW_RANGE_MS ? (LADDER_S[0] ?? HOUR_S) : HOUR_S;
  const atLeast = Math.max(wanted, smallest);
  const bucketSeconds = LADDER_S.find((step) => step >= atLeast) ?? Math.ceil(atLeast / 86_400) * 86_400;
  const count = Math.ceil((toMs - fromMs) / (bucketSeconds * 1_000));
  if (count > buckets.most)
    throw new FleetError('telemetry.buckets-too-many', { bucketSeconds, count, limit: buckets.most });
  return { fromMs, toMs, bucketSeconds };
}

/** The same for what has sums alone: an hour is the shortest bucket. */
export function hourRange(request: RangeRequest, nowMs: number, buckets: BucketLimits): TimeRange {
  const { bucketSeconds: asked } = request;
  const hourly = asked === undefined ? request : { ...request, bucketSeconds: Math.max(HOUR_S, asked) };
  const range = timeRange(hourly, nowMs, buckets);
  return { ...range, bucketSeconds: Math.max(HOUR_S, range.bucketSeconds) };
}

export interface Span {
  readonly hours: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The kept sums that make up a range: every hour it touches once, in the longest spans that lie within a bucket each, shorter ones
 * only where it does not begin or end with a long one.
 */
export function spansOf({ fromMs, toMs, bucketSeconds }: TimeRange): Span[] {
  const from = Math.floor(fromMs / HOUR_MS) * HOUR_MS;
  const to = Math.ceil(toMs / HOUR_MS) * HOUR_MS;
  return cover(
    from,
    to,
    SPANS.filter((hours) => hours === 1 || bucketSeconds % (hours * HOUR_S) === 0),
  );
}

function cover(fromMs: number, toMs: number, [hours = 1, ...shorter]: readonly number[]): Span[] {
  if (fromMs >= toMs) return [];
  if (shorter.length === 0) return [{ hours, fromMs, toMs }];
  const first = Math.ceil(fromMs / (hours * HOUR_MS)) * hours * HOUR_MS;
  const end = Math.floor(toMs / (hours * HOUR_MS)) * hours * HOUR_MS;
  if (first >= end) return cover(fromMs, toMs, shorter);
  return [
    ...cover(fromMs, first, shorter),
    { hours, fromMs: first, toMs: end },
    ...cover(end, toMs, shorter),
  ];
}

/** As columns: hours, from, to. */
export function spanColumns(range: TimeRange): [number[], Date[], Date[]] {
  const spans = spansOf(range);
  return [
    spans.map(({ hours }) => hours),
    spans.map(({ fromMs }) => new Date(fromMs)),
    spans.map(({ toMs }) => new Date(toMs)),
  ];
}

/** Start of the bucket that holds a time; buckets count from 1970, so equal lengths always align. */
export function bucketStartMs(atMs: number, bucketSeconds: number): number {
  const bucketMs = bucketSeconds * 1_000;
  return Math.floor(atMs / bucketMs) * bucketMs;
}
