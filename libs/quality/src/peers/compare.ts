/**
 * Devices that have no history of their own, each compared with the others, from a few windows of each.
 *
 * Devices do different things, so what they see is compared after what they did is taken out. A window has the mean of a feature and how
 * often each class was predicted, not the feature by class; validation data, which went through the firmware's own code, has that. So:
 *
 *   level   r_w = mean_w - sum_c share_wc m_c, what the predicted classes do not explain of a window (m_c: the mean of class c in
 *           validation data), averaged over the windows of a device with weights that give each class the same say,
 *               weight_w ~ sum_c n_wc / (N_c + N / 4C),   N_c: how often the device predicted c, N: all its predictions,
 *           which is weighting by the inverse of what a class got (Horvitz and Thompson 1952), shrunk so that a class that was
 *           seen twice decides nothing. A device may be misread for as long as it does one thing, which looks like a level of its own: so
 *           m_c may be the mean of any class that validation data confused with c, whichever brings the level nearest to the others';
 *   range   the second lowest minimum and the second highest maximum of its windows. Doing other things can only narrow what a
 *           device reaches of what all classes reach together; so it counts how far it lies beyond both the others and
 *           validation data. A sensor that is turned gives itself away here even when what it says looks like another class;
 *   counters   share of inferences that were stuck, saturated, dropped or invalid.
 *
 * Each is judged by t = (x - m) / (s sqrt(1 + 1/k)) against k others, m and s their location and scale by Huber's proposal 2: s has the
 * variance between devices (a random effect) and that of their n together, since all have the same number of windows. Of a level
 * s is at least that of the classes the device did (scaleOfClasses). Student's
 * law with k - 1 degrees of freedom; the least scale is what the values are rounded to.
 */
import { huberLocationScale } from '../statistics/huber.js';
import { studentTwoSided } from '../statistics/distributions.js';
import type { Baseline } from '../baseline.js';

export interface PeerWindow {
  readonly n: number;
  /** Predictions by class. */
  readonly classes: readonly number[];
  /** Sums of (q - centre); extremes of q. */
  readonly features: readonly {
    readonly n: number;
    readonly sum: number;
    readonly min: number;
    readonly max: number;
  }[];
  /** Inferences by counter. */
  readonly counters: readonly number[];
}

export interface PeerFeature {
  readonly name: string;
  /** Means of q - centre by predicted class. */
  readonly classMeans: readonly number[];
  /** By predicted class the lowest and the highest mean of those that it may really have been. */
  readonly misreadMeans: readonly { readonly low: number; readonly high: number }[];
  /** Of an observation within its class. */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  /** value = (q - zeroPoint) x scale */
  readonly scale: number;
  readonly zeroPoint: number;
}
export interface PeerReference {
  readonly features: readonly PeerFeature[];
  readonly counters: readonly string[];
}

export interface PeerStream {
  readonly kind: 'level' | 'low' | 'high' | 'counter';
  /** Of the feature or the counter. */
  readonly of: number;
  readonly name: string;
}
export interface PeerFinding {
  readonly stream: PeerStream;
  /** In standard deviations of an observation within its class; of a counter a share. */
  readonly shift: number;
  readonly score: number;
  readonly p: number;
  /** In units of the feature, of extremes; of a counter the share. */
  readonly value: number;
  readonly others: number;
}
export interface PeerResult {
  /** Position in what was given. */
  readonly device: number;
  readonly others: number;
  /** The strongest first. */
  readonly findings: readonly PeerFinding[];
}

/** Of fewer others nobody knows how much devices differ. */
export const LEAST_PEERS = 8;
/** Class means of fewer validation samples are those of all. */
const LEAST_CLASS = 10;
/** More than this share of strangers is nobody's fault alone: then the fleet is not one. */
const MOST_STRANGERS = 1 / 3;
/** A mean of integers, and an integer. */
const LEVEL_STEP = Math.sqrt(1 / 12);
const EXTREME_STEP = 1;
/** Shares of a counter differ by a hundredth at least. */
const COUNTER_STEP = 0.01;

/** Undefined without validation data, or from a build that kept no means by class. */
export function peerReference(baseline: Baseline, counters: readonly string[]): PeerReference | undefined {
  const features = baseline.features.map((feature) => {
    const { name, n, sum, sumSquares, min, max, scale, zeroPoint, classes } = feature;
    const mean = sum / Math.max(1, n);
    const classMeans = classes.map((one) => (one.n >= LEAST_CLASS ? one.sum / one.n : mean));
    const between = classes.reduce((all, one, c) => all + one.n * classMeans[c]! ** 2, 0);
    const variance = (sumSquares - between) / Math.max(1, n);
    const sd = Math.max(LEVEL_STEP, Math.sqrt(Math.max(0, variance)));
    const misreadMeans = classMeans.map((own, predicted) => {
      const others = classMeans.filter((_, truth) => (baseline.confusion[truth]?.[predicted] ?? 0) > 0);
      return { low: Math.min(own, ...others), high: Math.max(own, ...others) };
    });
    return { name, classMeans, misreadMeans, sd, min, max, scale, zeroPoint };
  });
  const isWhole = features.length > 0 && features.every(({ classMeans }) => classMeans.length > 0);
  return isWhole ? { features, counters } : undefined;
}

export const peerStreams = ({ features, counters }: PeerReference): PeerStream[] => [
  ...features.flatMap(({ name }, of) => [
    { kind: 'level' as const, of, name },
    { kind: 'low' as const, of, name: `lowest ${name}` },
    { kind: 'high' as const, of, name: `highest ${name}` },
  ]),
  ...counters.map((name, of) => ({ kind: 'counter' as const, of, name: `share of ${name} inferences` })),
];

/**
 * Those of `judged` that are not like the others; undefined: there are too few to tell, or too many of them are strangers.
 * @param devices windows by device; each has as many
 * @param level chance of a finding by nobody's fault, for one stream of one device
 */
export function comparePeers(
  devices: readonly (readonly PeerWindow[])[],
  judged: readonly number[],
  reference: PeerReference,
  level: number,
): PeerResult[] | undefined {
  if (devices.length <= LEAST_PEERS) return undefined;
  const streams = peerStreams(reference);
  const values = devices.map((windows) => {
    const weights = weightsOf(windows);
    return streams.map((stream) => valueOf(stream, windows, weights, reference));
  });
  const judge = (device: number): PeerFinding[] =>
    streams
      .map((stream, s): PeerFinding => {
        const others = values.filter((_, j) => j !== device).map((row) => row[s]!);
        return findingOf(stream, values[device]![s]!, others, reference);
      })
      .filter(({ p }) => p <= level)
      .sort((a, b) => a.p - b.p || Math.abs(b.score) - Math.abs(a.score));
  const all = devices.map((_, j) => judge(j));
  const strangers = all.filter(({ length }) => length > 0).length;
  if (strangers > MOST_STRANGERS * devices.length) return undefined;
  return judged
    .map((device) => ({ device, others: devices.length - 1, findings: all[device]! }))
    .filter(({ findings }) => findings.length > 0);
}

function findingOf(
  stream: PeerStream,
  own: PeerValue,
  peers: readonly PeerValue[],
  { features }: PeerReference,
): PeerFinding {
  const { kind, of } = stream;
  const { x } = own;
  const feature = features[of];
  const step = kind === 'counter' ? COUNTER_STEP : kind === 'level' ? LEVEL_STEP : EXTREME_STEP;
  const others = peers.map((one) => one.x).filter(Number.isFinite);
  if (others.length < LEAST_PEERS || !Number.isFinite(x))
    return { stream, shift: 0, score: 0, p: 1, value: x, others: NaN };
  const { location, scale: scaleOfAll } = huberLocationScale(others, step);
  const scale = kind === 'level' ? Math.max(scaleOfAll, scaleOfClasses(own, peers, feature!.sd)) : scaleOfAll;
  const score = unexplained(stream, own, location, feature) / (scale * Math.sqrt(1 + 1 / others.length));
  const tails = studentTwoSided(score, others.length - 1);
  const unit = (q: number): number => (q - feature!.zeroPoint) * feature!.scale;
  switch (kind) {
    case 'level':
      return {
        ...{ stream, score, p: tails, shift: (x - location) / feature!.sd },
        ...{ value: x * feature!.scale, others: location * feature!.scale },
      };
    case 'low':
    case 'high':
      return {
        ...{ stream, score, shift: (x - location) / feature!.sd },
        p: score === 0 ? 1 : tails / 2,
        ...{ value: unit(x), others: unit(location) },
      };
    case 'counter':
      return {
        stream,
        score,
        p: score > 0 ? tails / 2 : 1,
        shift: x - location,
        value: x,
        others: location,
      };
  }
}

/** How far a device is from the others beyond what a misreading explains of a level, or validation data of an extreme. */
function unexplained(
  { kind }: PeerStream,
  { x, low, high }: PeerValue,
  location: number,
  feature: PeerFeature | undefined,
): number {
  switch (kind) {
    case 'level':
      return Math.min(high, Math.max(low, location)) - location;
    case 'low':
      return Math.min(0, x - Math.min(location, feature!.min));
    case 'high':
      return Math.max(0, x - Math.max(location, feature!.max));
    case 'counter':
      return x - location;
  }
}

/** Between devices that do what this one does; of a class that few others do, that of an observation: it may be one long one. */
function scaleOfClasses(own: PeerValue, peers: readonly PeerValue[], sd: number): number {
  const parts = own.byClass.map((part) => {
    const others = peers
      .flatMap(({ byClass }) => byClass.filter((one) => one.class === part.class).map(({ x }) => x))
      .filter(Number.isFinite);
    const scale = others.length < LEAST_PEERS ? sd : huberLocationScale(others, LEVEL_STEP).scale;
    return part.weight * scale;
  });
  return Math.hypot(...parts);
}

/** What a device shows. */
interface PeerValue {
  readonly x: number;
  /** What a level may be if the device was misread. */
  readonly low: number;
  readonly high: number;
  /** The level in windows that were mostly of one class, and their share of the weight. */
  readonly byClass: readonly { readonly class: number; readonly weight: number; readonly x: number }[];
}
const exactly = (x: number): PeerValue => ({ x, low: x, high: x, byClass: [] });

function valueOf(
  { kind, of }: PeerStream,
  windows: readonly PeerWindow[],
  weights: readonly number[],
  { features }: PeerReference,
): PeerValue {
  switch (kind) {
    case 'level': {
      const { classMeans, misreadMeans } = features[of]!;
      const levels = (explains: (c: number) => number): (number | undefined)[] =>
        windows.map(({ classes, features: own }) => {
          const { n, sum } = own[of] ?? { n: 0, sum: 0 };
          if (n === 0) return undefined;
          const all = classes.reduce((total, count) => total + count, 0);
          return sum / n - classes.reduce((total, count, c) => total + (count / all) * explains(c), 0);
        });
      const own = levels((c) => classMeans[c] ?? 0);
      const most = windows.map(({ classes }) => classes.indexOf(Math.max(...classes)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return {
        x: meanOf(own, weights),
        low: meanOf(
          levels((c) => misreadMeans[c]?.high ?? 0),
          weights,
        ),
        high: meanOf(
          levels((c) => misreadMeans[c]?.low ?? 0),
          weights,
        ),
        byClass: [...new Set(most)].map((c) => {
          const isOf = (w: number): boolean => most[w] === c;
          const ofClass = own.map((level, w) => (isOf(w) ? level : undefined));
          const weight = weights.reduce((sum, one, w) => (isOf(w) ? sum + one : sum), 0) / total;
          return { class: c, weight, x: meanOf(ofClass, weights) };
        }),
      };
    }
    case 'low':
      return exactly(secondLowest(windows.map((window) => window.features[of]?.min ?? Infinity)));
    case 'high':
      return exactly(-secondLowest(windows.map((window) => -(window.features[of]?.max ?? -Infinity))));
    case 'counter': {
      const n = windows.reduce((sum, window) => sum + window.n, 0);
      const counted = windows.reduce((sum, one) => sum + Math.min(one.n, one.counters[of] ?? 0), 0);
      return exactly(counted / n);
    }
  }
}

function meanOf(levels: readonly (number | undefined)[], weights: readonly number[]): number {
  let [sum, all] = [0, 0];
  levels.forEach((level, w) => {
    if (level === undefined) return;
    sum += weights[w]! * level;
    all += weights[w]!;
  });
  return all > 0 ? sum / all : NaN;
}

/** Each class has the same say, as far as there is enough of it. */
function weightsOf(windows: readonly PeerWindow[]): number[] {
  const totals: number[] = [];
  for (const { classes } of windows) classes.forEach((count, c) => (totals[c] = (totals[c] ?? 0) + count));
  const all = totals.reduce((sum, count) => sum + count, 0);
  const share = all / (4 * Math.max(1, totals.length));
  return windows.map(({ classes }) =>
    classes.reduce((sum, count, c) => sum + (count > 0 ? count / (totals[c]! + share) : 0), 0),
  );
}

/** One window that is out of the ordinary decides nothing. */
function secondLowest(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[1] ?? NaN;
}
