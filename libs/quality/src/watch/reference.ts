/**
 * What the values of a watch are measured by: the sums of the healthy period, and from them one stream for each thing that can move.
 *
 *   share of a class            k / n, variance p (1 - p) / n
 *   mean confidence, mean OOD   mean bin, in standard deviations of an observation of the healthy period
 *   mean and spread of a feature, likewise; the spread as the cube root of the ratio of variances (moment-shift.ts)
 *   counters                    share of inferences that were saturated, stuck, ...
 * p is the healthy share with half an event added (Krichevsky and Trofimov 1981, IEEE Trans. Inf. Theory 27), so that a counter that
 * stood at none has a variance, too. The standard deviation of an observation is that within windows: devices differ in their means.
 */
import { cubeRootSpread, meanOf, varianceOf, type Moments } from '../statistics/moment-shift.js';
import type { WatchedStream } from '../drift/fleet-watch.js';

export const COUNTERS = ['saturated', 'stuck', 'dropped', 'invalid'] as const;
/** Sums of the windows of one device in one round. */
export interface RoundSums {
  n: number;
  /** Class-major, classes x confidence bins. */
  classes: number[];
  ood: number[] | null;
  features: Moments[] | null;
  /** As `COUNTERS`. */
  counters: number[];
}

export interface Spread {
  readonly mean: number;
  readonly sd: number;
}
export interface WatchReference {
  readonly bins: number;
  readonly labels: readonly string[];
  /** Healthy shares, by class. */
  readonly classes: readonly number[];
  readonly confidence: Spread | null;
  readonly ood: Spread | null;
  readonly features: readonly Spread[];
  readonly counters: readonly number[];
  /** Inferences of the healthy period. */
  readonly n: number;
  /** Share of the rounds in which a device was heard, of those in which it could have been. */
  readonly presence: number;
  /** Learned from the newest rounds, because those that were declared healthy are not kept any more. */
  readonly isNewest?: boolean;
  /** Of the features, as the build calls them. */
  readonly names?: readonly string[] | null;
  /** Means of the features while a class is predicted, by class, in standard deviations from the healthy mean; from validation data. */
  readonly classMeans?: readonly (readonly number[])[] | null;
}

export interface ReferenceStream extends WatchedStream {
  readonly statistic: 'share' | 'mean' | 'spread';
}

/** Smallest lasting shifts worth a page. */
export const LEAST_MEAN = 0.25;
/** 25 % more standard deviation, as its cube root says it. */
const LEAST_SPREAD = 1.25 ** (2 / 3) - 1;
const LEAST_CLASS = 0.1;
const LEAST_COUNTER = 0.05;
/** More classes than these are watched by their confidence alone: each stream costs some of the budget. */
const MOST_CLASSES = 12;
/** A window of fewer inferences says nothing. */
export const LEAST_N = 5;

/** Sums of healthy windows, one after the other. */
export class ReferenceLearner {
  windows = 0;
  private n = 0;
  private readonly classes: number[] = [];
  private readonly counters: number[] = COUNTERS.map(() => 0);
  private readonly confidence = new SpreadSums();
  private ood: SpreadSums | undefined;
  private features: SpreadSums[] | undefined;

  constructor(private readonly bins: number) {}

  add({ n, classes, ood, features, counters }: RoundSums): void {
    this.windows++;
    this.n += n;
    classes.forEach((count, i) => (this.classes[i] = (this.classes[i] ?? 0) + count));
    this.counters.forEach((_, c) => (this.counters[c]! += counters[c] ?? 0));
    this.confidence.add(confidenceOf(classes, Math.max(1, this.bins)));
    if (ood) (this.ood ??= new SpreadSums()).add(histogramMoments(ood));
    if (!features) return;
    this.features ??= features.map(() => new SpreadSums());
    this.features.forEach((one, f) => one.add(features[f] ?? { n: 0, sum: 0, sumSquares: 0 }));
  }

  finish(labels: readonly string[], presence: number): WatchReference {
    const bins = Math.max(1, this.bins);
    const { n } = this;
    const shares = Array.from({ length: this.classes.length / bins }, (_, c) =>
      healthyShare(countOf(this.classes, c, bins), n),
    );
    return {
      bins,
      labels: shares.map((_, c) => labels[c] ?? String(c)),
      classes: shares,
      confidence: bins > 1 && this.classes.length > 0 ? this.confidence.spread() : null,
      ood: this.ood?.spread() ?? null,
      features: (this.features ?? []).map((one) => one.spread()),
      counters: this.counters.map((count) => healthyShare(count, n)),
      n,
      presence,
    };
  }
}

/** Of a watch that has nothing to measure by. */
export const emptyReference = (shape: { bins: number; labels: readonly string[] }): WatchReference =>
  new ReferenceLearner(shape.bins).finish(shape.labels, 1);

/** @param presence as `WatchReference.presence` */
export function learnReference(
  windows: readonly RoundSums[],
  shape: { readonly bins: number; readonly labels: readonly string[]; readonly presence: number },
): WatchReference {
  const learner = new ReferenceLearner(shape.bins);
  for (const one of windows) learner.add(one);
  return learner.finish(shape.labels, shape.presence);
}

/** In the order of `valuesOf`. Their names are what a saved watch knows them by: `streamNames` is for people. */
export function streamsOf(reference: WatchReference): ReferenceStream[] {
  const { classes, labels, confidence, ood, features } = reference;
  const share = (name: string, leastShift: number) => ({ name, leastShift, statistic: 'share' as const });
  const mean = (name: string) => ({ name, leastShift: LEAST_MEAN, statistic: 'mean' as const });
  return [
    ...watchedClasses(classes).map((c) => share(`share of ${labels[c]!}`, LEAST_CLASS)),
    ...(confidence ? [mean('mean confidence')] : []),
    ...(ood ? [mean('mean OOD score')] : []),
    ...features.flatMap((_, f) => [
      mean(`mean of feature ${f + 1}`),
      { name: `spread of feature ${f + 1}`, leastShift: LEAST_SPREAD, statistic: 'spread' as const },
    ]),
    ...COUNTERS.map((name) => share(`share of ${name} inferences`, LEAST_COUNTER)),
  ];
}

/** What people call the streams. */
export function streamNames(reference: WatchReference): string[] {
  const names = streamsOf(reference).map(({ name }) => name);
  reference.features.forEach((_, f) => {
    const at = featureStream(reference, f);
    const feature = featureName(reference, f);
    names[at] = `mean of ${feature}`;
    names[at + 1] = `spread of ${feature}`;
  });
  return names;
}

/** `"least"`, `"mean of x"` as the build has it; `feature 2` when no build says. */
export function featureName({ names }: WatchReference, feature: number): string {
  const name = names?.[feature];
  return name === undefined || name === '' ? `feature ${feature + 1}` : `"${name}"`;
}

/** Position of the streams of a feature, its mean first. */
export function featureStream(reference: WatchReference, feature: number): number {
  const before =
    watchedClasses(reference.classes).length + (reference.confidence ? 1 : 0) + (reference.ood ? 1 : 0);
  return before + 2 * feature;
}

/** Values and their variances from n, by stream; NaN = not in this window. */
export function valuesOf(
  reference: WatchReference,
  sums: RoundSums,
): { readonly values: Float64Array; readonly variances: Float64Array } {
  const { classes, confidence, ood, features, counters, bins } = reference;
  const pairs: (readonly [number, number])[] = [];
  const isEnough = sums.n >= LEAST_N;
  const share = (count: number, p: number) =>
    pairs.push([isEnough ? count / sums.n : NaN, (p * (1 - p)) / sums.n]);
  const mean = (moments: Moments, { mean: centre, sd }: Spread) =>
    pairs.push([moments.n >= LEAST_N ? (meanOf(moments) - centre) / sd : NaN, 1 / moments.n]);
  for (const c of watchedClasses(classes)) share(countOf(sums.classes, c, bins), classes[c]!);
  if (confidence) mean(confidenceOf(sums.classes, bins), confidence);
  if (ood) mean(histogramMoments(sums.ood ?? []), ood);
  features.forEach((spread, f) => {
    const moments = sums.features?.[f] ?? { n: 0, sum: 0, sumSquares: 0 };
    mean(moments, spread);
    const { value, noise } = cubeRootSpread(varianceOf(moments) / spread.sd ** 2, moments.n);
    pairs.push([moments.n >= LEAST_N ? value - 1 : NaN, noise]);
  });
  counters.forEach((p, c) => share(Math.min(sums.n, sums.counters[c] ?? 0), p));
  return {
    values: Float64Array.from(pairs, ([value]) => value),
    variances: Float64Array.from(pairs, ([, v]) => v),
  };
}

/** Of two classes the second is what the first is not. */
export const watchedClasses = (classes: readonly number[]): number[] =>
  classes.length < 2 || classes.length > MOST_CLASSES
    ? []
    : classes.map((_, c) => c).slice(classes.length === 2 ? 1 : 0);

export function countOf(classes: readonly number[], c: number, bins: number): number {
  let count = 0;
  for (let bin = 0; bin < bins; bin++) count += classes[c * bins + bin] ?? 0;
  return count;
}

/** All classes together; a bin counts as its number. */
export function confidenceOf(classes: readonly number[], bins: number): Moments {
  const counts = new Array<number>(bins).fill(0);
  classes.forEach((count, i) => (counts[i % bins]! += count));
  return histogramMoments(counts);
}

export function histogramMoments(counts: readonly number[]): Moments {
  const moments = { n: 0, sum: 0, sumSquares: 0 };
  counts.forEach((count, bin) => {
    moments.n += count;
    moments.sum += count * bin;
    moments.sumSquares += count * bin * bin;
  });
  return moments;
}

/** Mean of all observations, and the standard deviation within windows; 1 where nothing varies. */
class SpreadSums {
  private n = 0;
  private sum = 0;
  private squares = 0;
  private df = 0;

  add(one: Moments): void {
    this.n += one.n;
    this.sum += one.sum;
    if (one.n < 2) return;
    this.squares += varianceOf(one) * (one.n - 1);
    this.df += one.n - 1;
  }

  spread(): Spread {
    const sd = this.df > 0 ? Math.sqrt(this.squares / this.df) : 0;
    return { mean: this.n > 0 ? this.sum / this.n : 0, sd: sd > 0 ? sd : 1 };
  }
}

const healthyShare = (count: number, n: number): number => (count + 0.5) / (n + 1);
