/** Features that are read over quickly: what is accepted, and what is said of the rest, is what the decoder does. */
import { describe, expect, it } from '@jest/globals';
import { decode as fromCbor, encode as toCbor, rfc8949EncodeOptions } from 'cborg';
import { skimFeatureSummaries } from './feature-summaries.js';
import { decode, encode, packHistogram, splitTelemetry } from './index.js';

const feature = {
  histogram: packHistogram([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
  ...{ n: 36, sum: -70_000, sumSquares: 400, min: -7, max: 300 },
};
const featuresKey = 18;
const message = encode('telemetry', {
  ...{ component: 'model', bootId: 7n, sequence: 1, uptimeMs: 9, build: new Uint8Array(8), schema: 0 },
  ...{ startMs: 0, lengthMs: 9, n: 36, classes: packHistogram([36]), features: [feature, feature] },
});
type Edit = (feature: Map<number, unknown>, list: unknown[]) => void;

/** The message with an edit of its second feature. */
function edited(edit: Edit): Uint8Array {
  const fields = fromCbor(message, { useMaps: true }) as Map<number, unknown>;
  const list = fields.get(featuresKey) as Map<number, unknown>[];
  edit(list[1]!, list);
  return toCbor(fields, rfc8949EncodeOptions);
}
const outcome = (read: () => unknown): string => {
  try {
    read();
    return 'ok';
  } catch (error) {
    return String(error);
  }
};

describe('feature summaries that are read over', () => {
  it('should be read to their end, with the places of their histograms', () => {
    const { featureBytes, histogramRanges } = splitTelemetry(message);
    const ranges: number[] = [];
    expect(skimFeatureSummaries(featureBytes!, 0, ranges)).toBe(featureBytes!.length);
    expect(ranges).toEqual(histogramRanges);
    for (let i = 0; i < ranges.length; i += 2)
      expect([...featureBytes!.subarray(ranges[i], ranges[i + 1])]).toEqual([...feature.histogram]);
    expect(ranges).toHaveLength(4);
  });

  it.each<[string, Edit, boolean]>([
    ['the largest n', (one) => one.set(2, 65_535), true],
    ['a larger n', (one) => one.set(2, 65_536), false],
    ['a negative n', (one) => one.set(2, -1), false],
    ['a sum of 8 bytes', (one) => one.set(3, -(2 ** 40)), true],
    ['a sum with a fraction', (one) => one.set(3, 1.5), false],
    ['a sum of squares of 8 bytes', (one) => one.set(4, 2 ** 40), true],
    ['a negative sum of squares', (one) => one.set(4, -1), false],
    ['a minimum that is text', (one) => one.set(5, 'a'), false],
    ['a histogram that is text', (one) => one.set(1, 'abc'), false],
    ['no histogram', (one) => one.delete(1), false],
    ['no maximum', (one) => one.delete(6), false],
    ['a key of a newer protocol', (one) => one.set(7, [1]), true],
    ['a key below all', (one) => one.set(0, 1), true],
    ['16 features', (one, list) => list.push(...Array.from({ length: 14 }, () => one)), true],
    ['17 features', (one, list) => list.push(...Array.from({ length: 15 }, () => one)), false],
    ['no features', (_, list) => list.splice(0), true],
    ['a number among them', (_, list) => list.push(3), false],
  ])('should be taken or refused as by the decoder: %s', (_, edit, isTaken) => {
    const bytes = edited(edit);
    const decoded = outcome(() => decode('telemetry', bytes));
    expect(decoded === 'ok').toBe(isTaken);
    expect(outcome(() => splitTelemetry(bytes))).toBe(decoded);
    if (!isTaken) return;
    const { features } = decode('telemetry', bytes);
    expect(splitTelemetry(bytes).histogramRanges).toHaveLength(2 * features!.length);
  });

  it('should be refused where the bytes end in them', () => {
    for (let length = message.length - 1; length > 0; length--) {
      const bytes = message.subarray(0, length);
      expect(outcome(() => splitTelemetry(bytes))).toBe(outcome(() => decode('telemetry', bytes)));
    }
  });
});
