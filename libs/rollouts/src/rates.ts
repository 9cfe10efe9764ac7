/**
 * How many devices may be offered a release now. Two bounds, both computed from the offers of the last minute, which are
 * rows: a leader that takes over goes on where the one before stopped.
 * - No minute, wherever it begins, has more than the rate and what may be offered ahead. This one is exact.
 * - A bucket that fills at the rate spreads them over the minute, in portions of 0.15 s: what is offered at once comes back a minute
 *   later, and shows in minutes that begin in between. It holds 10 %: turns that come late by up to six seconds are made up for.
 * Where the wire has a pace of its own (apps/server/src/mqtt/ota/offer-pace.ts) offers are made ahead of it, so that it does not
 * run dry while a turn takes long. Its minute has a slack; the one of this rate is longer still, so that what waits there gets less.
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

export const rateWindowMs = 60_200;
/** What the wire has in hand, ms of the rate. */
export const leadMs = 2_000;
/** Few turns a second are enough, and each costs a transaction. */
const leastPauseMs = 50;

/**
 * @param batches oldest first
 * @param aheadMs of the rate that may be offered before it is due
 */
export function allowance(
  perMinute: number,
  batches: readonly OfferBatch[],
  nowMs: number,
  aheadMs = 0,
): Allowance {
  // A clock that went back leaves batches in the future; they count as made now.
  const recent = batches
    .map(({ atMs, devices }) => ({ atMs: Math.min(atMs, nowMs), devices }))
    .filter(({ atMs }) => atMs > nowMs - rateWindowMs);
  const made = recent.reduce((sum, { devices }) => sum + devices, 0);
  const perMs = perMinute / rateWindowMs;
  const ahead = Math.floor(aheadMs * perMs);
  const most = perMinute + ahead;
  const portion = Math.max(1, perMinute / 400);
  const size = Math.max(1, perMinute / 10);
  const [first, ...later] = recent;
  let level = portion + ahead;
  if (first) {
    // What was in the bucket before is not known: nothing was left in it.
    level = 0;
    let { atMs } = first;
    for (const batch of [...later, { atMs: nowMs, devices: 0 }]) {
      level = Math.min(size, level + (batch.atMs - atMs) * perMs) - batch.devices;
      atMs = batch.atMs;
    }
  }
  const devices = Math.max(0, Math.min(most - made, Math.floor(level)));
  const forMinute = made < most ? 0 : (recent[0]?.atMs ?? nowMs) + rateWindowMs - nowMs;
  const forBucket = (Math.min(size, Math.floor(Math.max(0, level)) + portion) - level) / perMs;
  return { devices, moreInMs: Math.max(leastPauseMs, Math.ceil(Math.max(forMinute, forBucket))) };
}
