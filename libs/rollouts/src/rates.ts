/**
 * How many devices may be offered a release now. Two bounds, both computed from the offers of the last minute, which are
 * rows: a leader that takes over goes on where the one before stopped.
 * - No minute, wherever it begins, has more than the rate. This one is exact.
 * - A bucket that fills at the rate and holds 2 % of it spreads them over the minute; alone it would let 102 % pass.
 */

/** Offers made in one transaction. */
export interface OfferBatch {
  readonly atMs: number;
  readonly devices: number;
}

export interface Allowance {
  readonly devices: number;
  /** When one more may be offered than now, ms from now. */
  readonly moreInMs: number;
}

export const rateWindowMs = 60_000;
/** Few turns a second are enough, and each costs a transaction. */
const leastPauseMs = 50;

/** @param batches oldest first */
export function allowance(perMinute: number, batches: readonly OfferBatch[], nowMs: number): Allowance {
  // A clock that went back leaves batches in the future; they count as made now.
  const recent = batches
    .map(({ atMs, devices }) => ({ atMs: Math.min(atMs, nowMs), devices }))
    .filter(({ atMs }) => atMs > nowMs - rateWindowMs);
  const made = recent.reduce((sum, { devices }) => sum + devices, 0);
  const perMs = perMinute / rateWindowMs;
  const size = Math.max(1, perMinute / 50);
  let level = size;
  let atMs = nowMs - rateWindowMs;
  for (const batch of recent) {
    level = Math.min(size, level + (batch.atMs - atMs) * perMs) - batch.devices;
    atMs = batch.atMs;
  }
  level = Math.min(size, level + (nowMs - atMs) * perMs);
  const devices = Math.max(0, Math.min(perMinute - made, Math.floor(level)));
  const forMinute = made < perMinute ? 0 : (recent[0]?.atMs ?? nowMs) + rateWindowMs - nowMs;
  const forBucket = (Math.min(size, Math.floor(Math.max(0, level)) + Math.max(1, size / 2)) - level) / perMs;
  return { devices, moreInMs: Math.max(leastPauseMs, Math.ceil(Math.max(forMinute, forBucket))) };
}
