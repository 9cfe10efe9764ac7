import { describe, expect, it } from '@jest/globals';
import { connectionSpans, type StoredConnection } from './connections.js';

const range = { fromMs: 100, toMs: 1_000 };
const away = { outages: [], isConnected: false, lastContactMs: null };
const row = (beganAtMs: number, endedAtMs: number | null = null): StoredConnection => ({
  beganAtMs,
  endedAtMs,
});
const spans = (rows: StoredConnection[], now: Partial<Parameters<typeof connectionSpans>[2]> = {}) =>
  connectionSpans(rows, range, { ...away, ...now }).map(({ fromMs, toMs }) => [fromMs, toMs]);

describe('connectionSpans', () => {
  it('should cut what reaches over the ends of the range, and leave out what lies before it', () => {
    expect(spans([row(300, 400), row(50, 150), row(10, 40), row(900, 2_000)])).toEqual([
      ...[
        [100, 150],
        [300, 400],
        [900, 1_000],
      ],
    ]);
  });

  it('should go on to now while the device is connected, and else to when it was last heard of', () => {
    expect(spans([row(300)], { isConnected: true })).toEqual([[300, 1_000]]);
    expect(spans([row(300)], { lastContactMs: 450 })).toEqual([[300, 450]]);
    expect(spans([row(300)])).toEqual([[300, 300]]);
  });

  it('should end a connection whose end nobody wrote with the next one', () => {
    expect(spans([row(300), row(500, 600)])).toEqual([
      [300, 500],
      [500, 600],
    ]);
  });

  it('should end it with the time in which the edge did not run', () => {
    const outages = [
      { fromMs: 200, toMs: 250 },
      { fromMs: 400, toMs: 450 },
    ];
    expect(spans([row(300), row(460)], { outages, isConnected: true })).toEqual([
      [300, 400],
      [460, 1_000],
    ]);
    // Its end was seen: it lived through what was no outage of the edge.
    expect(spans([row(300, 420)], { outages })).toEqual([[300, 420]]);
  });
});
