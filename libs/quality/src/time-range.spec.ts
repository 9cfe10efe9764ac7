/** Ranges: defaults, limits, and the rule that short buckets need a short range. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bucketDefaults,
  bucketStartMs,
  MAX_RANGE_DAYS,
  RAW_RANGE_MS,
  spansOf,
  timeRange,
} from './time-range.js';

const now = Date.parse('2026-06-01T12:00:00Z');
const ago = (ms: number) => new Date(now - ms).toISOString();
const DAY = 86_400_000;

describe('timeRange', () => {
  it('should default to the last 15 days in about 200 buckets', () => {
    const range = timeRange({}, now);
    expect(range.toMs - range.fromMs).toBe(15 * DAY);
    expect(range.bucketSeconds).toBe(7_200);
  });

  it('should offer short buckets up to the raw range and whole hours beyond', () => {
    expect(timeRange({ from: ago(RAW_RANGE_MS) }, now).bucketSeconds).toBe(60);
    expect(timeRange({ from: ago(RAW_RANGE_MS + 1) }, now).bucketSeconds).toBe(3_600);
    expect(timeRange({ from: ago(RAW_RANGE_MS + 1), bucketSeconds: 10 }, now).bucketSeconds).toBe(3_600);
    expect(timeRange({ from: ago(60_000), bucketSeconds: 10 }, now).bucketSeconds).toBe(10);
  });

  it('should accept the longest range and refuse one more day, and refuse a reversed one', () => {
    expect(timeRange({ from: ago(MAX_RANGE_DAYS * DAY) }, now).bucketSeconds % 86_400).toBe(0);
    expect(() => timeRange({ from: ago(MAX_RANGE_DAYS * DAY + 1) }, now)).toThrow();
    expect(() => timeRange({ from: ago(-1) }, now)).toThrow();
  });
});

describe('buckets of a range', () => {
  it('should be as many as the limit and refuse one more', () => {
    const hours = (n: number) => ({ from: ago(n * 3_600_000), bucketSeconds: 3_600 });
    expect(timeRange(hours(bucketDefaults.most), now).bucketSeconds).toBe(3_600);
    expect(() => timeRange(hours(bucketDefaults.most + 1), now)).toThrow(
      expect.objectContaining({ code: 'telemetry.buckets-too-many' }),
    );
  });
});

describe('spansOf', () => {
  const HOUR = 3_600_000;
  const range = fc.record({
    from: fc.integer({ min: 0, max: 2_000 }),
    hours: fc.integer({ min: 1, max: 2_000 }),
    bucketHours: fc.constantFrom(1, 2, 3, 6, 12, 24, 48, 9_600),
  });

  it('should hold every hour of the range once, and no span more than one bucket', () => {
    fc.assert(
      fc.property(range, fc.nat(HOUR - 1), fc.nat(HOUR - 1), ({ from, hours, bucketHours }, early, late) => {
        const bucketSeconds = bucketHours * 3_600;
        const fromMs = from * HOUR + early;
        const toMs = (from + hours) * HOUR + late;
        const spans = spansOf({ fromMs, toMs, bucketSeconds });
        let at = from * HOUR;
        for (const span of spans) {
          expect(span.fromMs).toBe(at);
          expect([span.fromMs % (span.hours * HOUR), span.toMs % (span.hours * HOUR)]).toEqual([0, 0]);
          expect(bucketHours % span.hours).toBe(0);
          at = span.toMs;
        }
        expect(at).toBe(Math.ceil(toMs / HOUR) * HOUR);
      }),
    );
  });

  it('should read days of a month by days, and its ends by 6 hours and by hours', () => {
    const hours = (of: number) => of * HOUR;
    expect(spansOf({ fromMs: hours(17), toMs: hours(24 * 30 + 7), bucketSeconds: 86_400 })).toEqual([
      { hours: 1, fromMs: hours(17), toMs: hours(18) },
      { hours: 6, fromMs: hours(18), toMs: hours(24) },
      { hours: 24, fromMs: hours(24), toMs: hours(720) },
      { hours: 6, fromMs: hours(720), toMs: hours(726) },
      { hours: 1, fromMs: hours(726), toMs: hours(727) },
    ]);
  });
});

describe('bucketStartMs', () => {
  it('should align buckets to 1970', () => {
    expect(bucketStartMs(Date.parse('2026-06-01T12:34:56Z'), 3_600)).toBe(Date.parse('2026-06-01T12:00:00Z'));
  });
});
