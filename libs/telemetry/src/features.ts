/** Feature summaries as the database keeps them: the CBOR of the wire (docs/spec/wire.cddl, feature-summary). */
import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import type { FeatureSummary } from '@tinyfleet/wire';

export function packFeatures(features: readonly FeatureSummary[]): Uint8Array {
  const items = features.map(
    (one) =>
      new Map<number, unknown>([
        [1, one.histogram],
        [2, one.n],
        [3, one.sum],
        [4, one.sumSquares],
        [5, one.min],
        [6, one.max],
      ]),
  );
  return encode(items, rfc8949EncodeOptions);
}

export function unpackFeatures(bytes: Uint8Array): FeatureSummary[] {
  const items = decode(bytes, { useMaps: true }) as Map<number, unknown>[];
  return items.map((one) => ({
    histogram: one.get(1) as Uint8Array,
    n: one.get(2) as number,
    sum: one.get(3) as number,
    sumSquares: one.get(4) as number,
    min: one.get(5) as number,
    max: one.get(6) as number,
  }));
}
