/**
 * A fleet of devices whose feature sums are drawn hour by hour, watched by the code that watches real ones. The mean and the
 * variance of n normal observations are drawn from their laws, so that no single observation has to be.
 */
import { FleetWatch, type Alarm } from '../drift/fleet-watch.js';
import { parseBudget } from '../drift/page-budget.js';
import { cubeRootSpread } from '../statistics/moment-shift.js';
import { Random } from '../statistics/random.js';

export interface DriftFleetOptions {
  readonly devices: number;
  readonly features: number;
  readonly rounds: number;
  /** Rounds at the start that are declared healthy. */
  readonly healthyRounds: number;
  /** Observations in a window. */
  readonly n: number;
  /** Everything below is in standard deviations of one observation. Of the devices' own means. */
  readonly ownMeans: number;
  /** Amplitude of the daily cycle; each device follows it by its own factor, within some percent. */
  readonly dailyCycle: number;
  /** Of the surroundings of each device, an AR(1). */
  readonly wander: number;
  readonly phi: number;
  /** Share of windows that come 1 to 5 rounds late. */
  readonly late: number;
  /** Share of devices that shift, one feature each, at a random round from `healthyRounds` + 24. */
  readonly drifted: number;
  readonly shift: number;
}

export const identicalFleet: DriftFleetOptions = {
  devices: 1_000,
  features: 5,
  rounds: 14 * 24,
  healthyRounds: 4 * 24,
  n: 100,
  ownMeans: 0,
  dailyCycle: 0,
  wander: 0,
  phi: 0,
  late: 0,
  drifted: 0.005,
  shift: 1,
};
export const diverseFleet: DriftFleetOptions = {
  ...identicalFleet,
  ownMeans: 0.3,
  dailyCycle: 0.5,
  wander: 0.2,
  phi: 0.5,
  late: 0.1,
};

export interface DriftReplay {
  readonly falseAlarms: number;
  readonly falseGroupAlarms: number;
  /** Device-rounds that were watched and healthy. */
  readonly healthyRounds: number;
  readonly drifted: number;
  /** Windows from the shift to the alarm of each shifted device; Infinity = never. */
  readonly delays: readonly number[];
}

export function replayDriftFleet(options: DriftFleetOptions, seed: number): DriftReplay {
  const { devices, features, rounds, healthyRounds, n } = options;
  const random = new Random(seed);
  const watch = new FleetWatch({
    devices,
    streams: Array.from({ length: features }, (_, f) => [
      { name: `mean of feature ${f}`, leastShift: 0.25 },
      // 25 % more standard deviation, as its cube root says it.
      { name: `spread of feature ${f}`, leastShift: 1.25 ** (2 / 3) - 1 },
    ]).flat(),
    groups: groupsOf(devices),
    budget: parseBudget('at most one false page a week'),
    healthyRounds,
  });
  const own = Array.from({ length: devices * features }, () => options.ownMeans * random.normal());
  const factor = Array.from({ length: devices }, () => 1 + 0.1 * random.normal());
  const state = Array.from({ length: devices * features }, () => options.wander * random.normal());
  const drifts = new Map<number, { from: number; feature: number; sign: number }>();
  const first = healthyRounds + 24;
  while (drifts.size < Math.round(options.drifted * devices)) {
    drifts.set(Math.floor(random.uniform() * devices), {
      from: first + Math.floor(random.uniform() * (rounds - 48 - first)),
      feature: Math.floor(random.uniform() * features),
      sign: random.uniform() < 0.5 ? -1 : 1,
    });
  }
  const lateWindows: { due: number; round: number; device: number; values: Float64Array }[] = [];
  const spreadNoise = cubeRootSpread(1, n).noise;
  const noise = Float64Array.from({ length: 2 * features }, (_, s) => (s % 2 === 0 ? 1 / n : spreadNoise));
  const found = new Map<number, number>();
  let [falseAlarms, falseGroupAlarms, healthy] = [0, 0, 0];

  for (let t = 0; t < rounds; t++) {
    const cycle = options.dailyCycle * Math.sin((2 * Math.PI * t) / 24);
    for (let j = 0; j < devices; j++) {
      const values = new Float64Array(2 * features);
      const drift = drifts.get(j);
      for (let f = 0; f < features; f++) {
        const i = j * features + f;
        if (options.wander > 0)
          state[i] =
            options.phi * state[i]! + options.wander * Math.sqrt(1 - options.phi ** 2) * random.normal();
        const shifted = drift?.feature === f && t >= drift.from ? drift.sign * options.shift : 0;
        values[2 * f] = own[i]! + state[i]! + cycle * factor[j]! + shifted + random.normal() / Math.sqrt(n);
        values[2 * f + 1] = cubeRootSpread(sampleVarianceOf(random, n - 1), n).value;
      }
      if (t >= healthyRounds && random.uniform() < options.late)
        lateWindows.push({ due: t + 1 + Math.floor(random.uniform() * 5), round: t, device: j, values });
      else watch.observe(t, j, values, noise);
      if (t >= healthyRounds && (!drift || t < drift.from)) healthy++;
    }
    for (let i = lateWindows.length - 1; i >= 0; i--) {
      const one = lateWindows[i]!;
      if (one.due > t) continue;
      watch.observe(one.round, one.device, one.values, noise);
      lateWindows.splice(i, 1);
    }
    for (const alarm of watch.close(t)) count(alarm, t);
  }
  return {
    falseAlarms,
    falseGroupAlarms,
    healthyRounds: healthy,
    drifted: drifts.size,
    delays: [...drifts.keys()].map((j) => found.get(j) ?? Infinity),
  };

  function count(alarm: Alarm, t: number): void {
    if (alarm.level !== 'device') {
      falseAlarms++;
      falseGroupAlarms++;
      return;
    }
    const drift = drifts.get(alarm.index);
    if (!drift || t < drift.from) falseAlarms++;
    else {
      if (!found.has(alarm.index)) found.set(alarm.index, t - drift.from + 1);
      // One incident; the device is looked at before it may page again.
      watch.suspend([alarm.index]);
    }
  }
}

/** Four sites and ten batches, across each other. */
function groupsOf(devices: number) {
  const group = (attribute: string, count: number) =>
    Array.from({ length: count }, (_, g) => ({
      attribute,
      value: `${attribute}-${g}`,
      members: Array.from({ length: devices }, (__, j) => j).filter((j) =>
        attribute === 'site' ? j % count === g : Math.floor((j * count) / devices) === g,
      ),
    }));
  return [...group('site', 4), ...group('batch', 10)];
}

/** Sample variance of df + 1 standard normal observations: a gamma variable (Marsaglia and Tsang 2000, ACM TOMS 26). */
function sampleVarianceOf(random: Random, df: number): number {
  const d = df / 2 - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v))
      return (2 * d * v) / df;
  }
}
