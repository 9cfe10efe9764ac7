/**
 * Accuracy from a few labels a window, made sharper by predictions where these help and by the windows before.
 *
 * Prediction-powered inference (Angelopoulos et al. 2023, "Prediction-powered inference", Science 382): with the estimate f of a
 * window and L labels that were drawn at random,
 *   accuracy = lambda f + mean of (y - lambda f_i),   lambda = 1 takes f as it is, lambda = 0 the labels alone.
 * Twenty labels leave an interval of +-.19, so the correction b = accuracy - lambda f is followed over windows: b wanders with the
 * variance q a window, and each window's labels are one noisy look at it (local level model; Harvey 1989). q and lambda are
 * those under which the labels so far are most likely. Once in twenty-five windows, or so it is held beforehand, b jumps instead (a new
 * sensor, a new season): both are followed and weighed by what the labels say, which widens the interval where they disagree with
 * the past (Harrison and Stevens 1976, "Bayesian forecasting", JRSS B 38).
 */
import { addTo, noMoments, type RunningMoments } from '../detectors/running-moments.js';
import { normalQuantile } from '../statistics/distributions.js';

export interface LabelledWindow {
  /** Label-free estimate of the window; NaN = none. */
  readonly estimate: number;
  /** Predictions in it. */
  readonly n: number;
  /** Of labelled predictions: was it right, and its calibrated chance. */
  readonly labels: readonly {
    readonly correct: boolean;
    readonly chance: number;
    /** Predicted class. Labels are to be drawn in proportion to it: every n/L-th of the predictions in order of class and confidence. */
    readonly stratum: number;
    /** Labels that are alike, at least one. Default 1. */
    readonly times?: number;
  }[];
}
type Labels = LabelledWindow['labels'];

export interface LabelledAccuracy {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly lambda: number;
  /** Labels so far. */
  readonly seen: number;
}

/** Variances of a window's step. */
const STEPS = [0.0012, 0.003];
/** Share of the evidence kept from window to window. */
const MEMORY = 0.95;
const LAMBDAS = [0, 0.5, 1];
/** Chance of a jump in a window, and the variance it adds. */
const JUMP = { chance: 0.04, variance: 0.12 };

interface Residuals {
  readonly mean: number;
  readonly noise: number;
}

interface Follower {
  readonly q: number;
  readonly lambda: number;
  level: number;
  variance: number;
  logLikelihood: number;
}

export class LabelTrickle {
  private readonly followers: Follower[];
  private seen = 0;

  /** @param accuracy of validation data, the start */
  constructor(
    accuracy: number,
    private readonly level = 0.9,
  ) {
    this.followers = STEPS.flatMap((q) =>
      LAMBDAS.map((lambda) => ({
        q,
        lambda,
        level: accuracy * (1 - lambda),
        variance: 0.02,
        logLikelihood: 0,
      })),
    );
  }

  add(window: LabelledWindow): LabelledAccuracy {
    const labels = countOf(window.labels);
    this.seen += labels;
    const isUseful = Number.isFinite(window.estimate);
    const looks =
      labels > 0 ? LAMBDAS.map((of) => residuals(window.labels, of, isUseful)) : LAMBDAS.map(() => null);
    const results = this.followers.map((one, i) => step(one, window, looks[i % LAMBDAS.length]!));
    const most = Math.max(...this.followers.map(({ logLikelihood }) => logLikelihood));
    let [weights, value, lambda] = [0, 0, 0];
    const weigh = this.followers.map((one) => Math.exp(one.logLikelihood - most));
    weigh.forEach((weight, i) => {
      weights += weight;
      value += weight * results[i]!.value;
      lambda += weight * this.followers[i]!.lambda;
    });
    value /= weights;
    let variance = 0;
    // The mixture's: within, and between the models that are still likely.
    weigh.forEach((weight, i) => {
      variance += (weight * (results[i]!.variance + (results[i]!.value - value) ** 2)) / weights;
    });
    const half = normalQuantile((1 + this.level) / 2) * Math.sqrt(variance);
    return {
      value,
      low: Math.max(0, value - half),
      high: Math.min(1, value + half),
      lambda: lambda / weights,
      seen: this.seen,
    };
  }
}

/**
 * Mean of y - lambda f over the labels and the variance of it when they were drawn in proportion to the strata: only what varies within
 * a stratum counts (Cochran 1977, "Sampling Techniques", 5.9). Each stratum gets two pseudo-residuals of a variance of .12, so that
 * a few equal answers do not look exact.
 */
function residuals(labels: Labels, lambda: number, isUseful: boolean): Residuals {
  const strata = new Map<number, RunningMoments>();
  let [sum, count] = [0, 0];
  for (const { correct, chance, stratum, times = 1 } of labels) {
    const rest = Number(correct) - lambda * (isUseful ? chance : 0.5);
    sum += rest * times;
    count += times;
    let moments = strata.get(stratum);
    if (!moments) strata.set(stratum, (moments = noMoments()));
    addTo(moments, rest, times);
  }
  let noise = 0;
  for (const { n, squares } of strata.values()) noise += (n * (squares + 2 * 0.12)) / (n + 2);
  return { mean: sum / count, noise: noise / count ** 2 };
}

const countOf = (labels: Labels): number => labels.reduce((sum, { times = 1 }) => sum + times, 0);

/** What a look with this noise makes of a level known with this variance. */
function look(variance: number, noise: number, innovation: number) {
  const total = variance + noise;
  const gain = variance / total;
  const likelihood = Math.exp((-innovation * innovation) / (2 * total)) / Math.sqrt(total) + 1e-12;
  return { gain, variance: variance * (1 - gain), likelihood };
}

function step(
  one: Follower,
  { estimate, n }: LabelledWindow,
  looked: Residuals | null,
): { value: number; variance: number } {
  const isUseful = Number.isFinite(estimate);
  const f = isUseful ? one.lambda * estimate : one.lambda * 0.5;
  one.variance += one.q;
  if (looked) {
    const { mean, noise } = looked;
    const innovation = mean - one.level;
    const still = look(one.variance, noise, innovation);
    const jumped = look(one.variance + JUMP.variance, noise, innovation);
    const [a, b] = [(1 - JUMP.chance) * still.likelihood, JUMP.chance * jumped.likelihood];
    // Twenty windows of memory or so: what was likely last season need not be.
    one.logLikelihood = MEMORY * one.logLikelihood + Math.log(a + b);
    const share = b / (a + b);
    const [levelA, levelB] = [still.gain * innovation, jumped.gain * innovation];
    const move = (1 - share) * levelA + share * levelB;
    one.variance =
      (1 - share) * (still.variance + (levelA - move) ** 2) +
      share * (jumped.variance + (levelB - move) ** 2);
    one.level += move;
  }
  const value = Math.min(1, Math.max(0, f + one.level));
  // The accuracy of this window's n predictions, not of endless ones like them.
  return { value, variance: one.variance + (value * (1 - value)) / Math.max(1, n) };
}
