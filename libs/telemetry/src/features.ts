/** Feature summaries as the database keeps them: the CBOR of the wire (docs/spec/wire.cddl, feature-summary). */
import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import {
  CborHeads,
  readHistogram,
  skipItem,
  splitTelemetry,
  type FeatureSummary,
  type Telemetry,
} from '@tinyfleet/wire';
import { featureBins } from './window.js';

const histogramKey = 1;
const depth = 8;
/** Histograms are unpacked here to be checked; what they hold is read when they are folded. */
const checked: number[] = [];

/** A telemetry message in CBOR: decoded, and its feature summaries as they are stored. @throws FleetError of area `wire` */
export function readTelemetry(payload: Uint8Array): {
  readonly message: Omit<Telemetry, 'features'>;
  readonly features: Uint8Array | null;
} {
  const { message, featureBytes, histogramRanges, packedFeatures } = splitTelemetry(payload);
  if (!featureBytes) return { message, features: packedFeatures ? packFeatures(packedFeatures) : null };
  for (let i = 0; i < histogramRanges.length; i += 2) {
    const [from, to] = [histogramRanges[i], histogramRanges[i + 1]];
    readHistogram(featureBytes, checked, { bins: featureBins, field: 'features', from, to });
  }
  return { message, features: featureBytes };
}

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

/** Where one feature's histogram stands in the bytes, and its numbers; valid until the next one. */
export interface FeatureNumbers {
  from: number;
  to: number;
  /** n, sum, sum of squares, min, max */
  readonly numbers: number[];
}

/** Visits every feature of stored bytes without making objects of them: this runs for each window that is folded. */
export function visitFeatures(
  bytes: Uint8Array,
  visit: (feature: FeatureNumbers, index: number) => void,
): void {
  const heads = new CborHeads(bytes);
  heads.next();
  const count = Number(heads.argument);
  const feature: FeatureNumbers = { from: 0, to: 0, numbers: [0, 0, 0, 0, 0] };
  for (let i = 0; i < count; i++) {
    heads.next();
    const keys = Number(heads.argument);
    for (let k = 0; k < keys; k++) {
      heads.next();
      const key = Number(heads.argument);
      if (key > 6) {
        skipItem(heads, depth);
        continue;
      }
      heads.next();
      if (key === histogramKey) {
        feature.from = heads.from;
        feature.to = heads.at;
      } else feature.numbers[key - 2] = Number(heads.argument);
    }
    visit(feature, i);
  }
}
