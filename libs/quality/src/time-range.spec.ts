/** Ranges: defaults, limits, and the rule that short buckets need a short range. */
import { describe, expect, it } from '@jest/globals';
import { bucketStartMs, MAX_RANGE_DAYS, RAW_RANGE_MS, timeRange } from './time-range.js';

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

describe('bucketStartMs', () => {
  it('should align buckets to 1970', () => {
    expect(bucketStartMs(Date.parse('2026-06-01T12:34:56Z'), 3_600)).toBe(Date.parse('2026-06-01T12:00:00Z'));
  });
});
