/**
 * What validation data said of a build, as the reference that its windows are measured by, and what of it a fleet is compared with.
 * The standard deviations are those of all validation data; a device's own windows vary less, which widens what they are held to.
 */
import type { ComparedStream } from '../drift/build-comparison.js';
import { calibrationCounts, type Baseline, type FeatureBaseline } from '../baseline.js';
import { meanOf, varianceOf } from '../statistics/moment-shift.js';
import {
  COUNTERS,
  LEAST_N,
  confidenceOf,
  countOf,
  featureStream,
  histogramMoments,
  streamsOf,
  valuesOf,
  watchedClasses,
  type RoundSums,
  type Spread,
  type WatchReference,
} from './reference.js';

/** Of the smallest shift that is worth a page against a device's own past: validation data is not the field. */
const BUILD_LEAST = 2;

/** Undefined when windows of so many confidence bins cannot be held against it. */
export function buildReference(
  baseline: Baseline,
  { bins, labels }: { readonly bins: number; readonly labels: readonly string[] },
): WatchReference | undefined {
  const counts = calibrationCounts(baseline, bins);
  if (!counts) return undefined;
  const total = Array.from(counts.total);
  const n = total.reduce((sum, count) => sum + count, 0);
  if (n < 2) return undefined;
  const share = (count: number) => (count + 0.5) / (n + 1);
  const reference: WatchReference = {
    bins,
    labels: Array.from({ length: counts.classes }, (_, c) => labels[c] ?? String(c)),
    classes: Array.from({ length: counts.classes }, (_, c) => share(countOf(total, c, bins))),
    confidence: bins > 1 ? spreadOf(confidenceOf(total, bins)) : null,
    ood: baseline.ood ? spreadOf(histogramMoments(baseline.ood.counts)) : null,
    features: baseline.features.map((one) => spreadOf(one)),
    // Nothing is saturated, stuck or lost in a file.
    counters: COUNTERS.map(() => share(0)),
    n,
    presence: 1,
  };
  return withBuild(reference, baseline);
}

/** With what only the build knows: the features' names, and what each class does to them. */
export function withBuild(reference: WatchReference, baseline: Baseline): WatchReference {
  const names = baseline.features.map(({ name }) => name);
  if (names.length !== reference.features.length) return reference;
  return { ...reference, names, classMeans: classMeansOf(reference, baseline.features) };
}

function classMeansOf(
  { features, classes }: WatchReference,
  given: readonly FeatureBaseline[],
): (readonly number[])[] | null {
  if (given.length === 0 || given.some((one) => one.classes.length !== classes.length)) return null;
  return classes.map((_, c) =>
    given.map((one, f) => {
      const { n, sum } = one.classes[c]!;
      // A class that validation data never showed says nothing: it is where all are.
      return n > 0 ? (sum / n - meanOf(one)) / features[f]!.sd : 0;
    }),
  );
}

/** By stream, as `streamsOf` has them. */
export function comparedStreams(reference: WatchReference): ComparedStream[] {
  const { n, classes, features } = reference;
  const isSpread = new Set(features.map((_, f) => featureStream(reference, f) + 1));
  const shares = watchedClasses(classes);
  return streamsOf(reference).map(({ leastShift }, s) => {
    const share = shares[s] === undefined ? undefined : classes[shares[s]]!;
    const error = share !== undefined ? (share * (1 - share)) / n : isSpread.has(s) ? 2 / (9 * n) : 1 / n;
    return { leastShift: BUILD_LEAST * leastShift, error, isSpread: isSpread.has(s) };
  });
}

/**
 * Values of a window less what validation data said; NaN = not compared. The spread of a feature is the mean square about the mean of
 * validation data: of the whole fleet it is that of validation data, however its devices divide it among them.
 */
export function comparedValues(reference: WatchReference, sums: RoundSums): Float64Array {
  const { values } = valuesOf(reference, sums);
  watchedClasses(reference.classes).forEach((c, s) => (values[s]! -= reference.classes[c]!));
  reference.features.forEach(({ mean, sd }, f) => {
    const one = sums.features?.[f];
    const square =
      one && one.n > 0 ? (one.sumSquares - 2 * mean * one.sum + one.n * mean * mean) / one.n : NaN;
    values[featureStream(reference, f) + 1] =
      one && one.n >= LEAST_N && sd > 0 ? square / (sd * sd) - 1 : NaN;
  });
  // Validation data has no counters.
  values.fill(NaN, values.length - COUNTERS.length);
  return values;
}

function spreadOf(moments: {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}): Spread {
  const sd = Math.sqrt(varianceOf(moments));
  return { mean: meanOf(moments), sd: sd > 0 ? sd : 1 };
}
