/**
 * The range and bucket length of a query over time. Short buckets read raw rows, so they are offered for short ranges
 * only; from an hour on the hourly sums are read, and buckets are whole hours in UTC.
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
const WANTED_BUCKETS = 200;
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

/** @throws telemetry.range-invalid when `from` is not before `to` or the range is longer than 400 days */
export function timeRange(request: RangeRequest, nowMs: number): TimeRange {
  const toMs = request.to === undefined ? nowMs : Date.parse(request.to);
  const fromMs = request.from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(request.from);
  const limit = MAX_RANGE_DAYS;
  if (!(fromMs < toMs))
    throw new FleetError('telemetry.range-invalid', { reason: 'from is not before to', limit });
  if (toMs - fromMs > limit * DAY_MS) {
    throw new FleetError('telemetry.range-invalid', { reason: 'it is too long', limit });
  }
  const wanted = request.bucketSeconds ?? (toMs - fromMs) / 1_000 / WANTED_BUCKETS;
  const smallest = toMs - fromMs <= RAW_RANGE_MS ? (LADDER_S[0] ?? HOUR_S) : HOUR_S;
  const atLeast = Math.max(wanted, smallest);
  const bucketSeconds = LADDER_S.find((step) => step >= atLeast) ?? Math.ceil(atLeast / 86_400) * 86_400;
  return { fromMs, toMs, bucketSeconds };
}

/** Start of the bucket that holds a time; buckets count from 1970, so equal lengths always align. */
export function bucketStartMs(atMs: number, bucketSeconds: number): number {
  const bucketMs = bucketSeconds * 1_000;
  return Math.floor(atMs / bucketMs) * bucketMs;
}
