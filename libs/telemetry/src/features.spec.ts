/** Feature summaries: stored as they came, whichever way a device writes its windows. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { decode, encode, packHistogram } from '@tinyfleet/wire';
import { readTelemetry, unpackFeatures } from './features.js';

const url = new URL('../../../firmware-stubs/vectors/window.json', import.meta.url);
const packed = (JSON.parse(readFileSync(url, 'utf8')) as { readonly message: string }[]).map(
  ({ message }) => new Uint8Array(Buffer.from(message, 'hex')),
);
const feature = {
  histogram: packHistogram([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
  ...{ n: 36, sum: -9, sumSquares: 400, min: -7, max: 3 },
};
const mapped = (changes: object) =>
  encode('telemetry', {
    ...{ component: 'model', bootId: 7n, sequence: 1, uptimeMs: 9, build: new Uint8Array(8), schema: 0 },
    ...{ startMs: 0, lengthMs: 9, n: 36, classes: packHistogram([36]), arenaBytes: 100, ...changes },
  });

describe('readTelemetry', () => {
  it('should keep the features of a map as they came, apart from the message', () => {
    const bytes = mapped({ features: [feature, { ...feature, n: 35 }], switches: 4 });
    const { features: all, ...rest } = decode('telemetry', bytes);
    const { message, features } = readTelemetry(Buffer.from(bytes));
    expect(message).toEqual(rest);
    expect(unpackFeatures(features!)).toEqual(all);
    expect(Buffer.from(bytes).includes(Buffer.from(features!))).toBe(true);
  });

  it('should keep the features of windows that the agent packed', () => {
    let kept = 0;
    for (const bytes of packed) {
      const { features: all, ...rest } = decode('telemetry', bytes);
      const { message, features } = readTelemetry(bytes);
      expect(message).toEqual(rest);
      expect(features && unpackFeatures(features)).toEqual(all ?? null);
      kept += all?.length ?? 0;
    }
    expect(kept).toBeGreaterThan(0);
  });

  it('should have none where a window monitors nothing', () => {
    expect(readTelemetry(mapped({})).features).toBeNull();
  });

  it('should refuse a histogram that is none', () => {
    const histogram = packHistogram([1, 2]);
    expect(() => readTelemetry(mapped({ features: [{ ...feature, histogram }] }))).toThrow(/features/);
  });
});
