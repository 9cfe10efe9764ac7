/**
 * A fleet whose metrics are simulated hour by hour, for gates: no firmware, no network. Devices differ from each other,
 * their windows are correlated, some sleep, a site goes down, and a version may be worse in a stated way.
 *
 * The mean of the 12 windows of an hour and the state after them are drawn together: for an AR(1) process both are
 * linear in the state before and in normal noise, so that hourly sums have the law of the windows they stand for.
 */
import { Random } from '@tinyfleet/quality';

export interface WorldOptions {
  readonly devices: number;
  /** Name and share of the fleet. */
  readonly types: readonly (readonly [string, number])[];
  readonly sites: readonly (readonly [string, number])[];
  readonly accuracy: number;
  /** sd of the devices' own accuracies. */
  readonly betweenSd: number;
  /** sd of the sites' accuracies, shared by the devices there. */
  readonly siteSd: number;
  /** Amplitude of the daily cycle of all devices. */
  readonly dailyAmplitude: number;
  /** Of windows that follow each other, and their sd. */
  readonly autocorrelation: number;
  readonly windowSd: number;
  readonly inferencesPerWindow: number;
  readonly windowMinutes: number;
  /** They wake so seldom and send one window then. */
  readonly sleeperShare: number;
  readonly sleeperHours: number;
  readonly labelsPerDay: number;
  readonly installFailure: number;
  readonly installTimeout: number;
  /** Times a day that a healthy device is out of reach for an hour or more. */
  readonly lapsesPerDay: number;
  /** One site, some time in the first two days. */
  readonly outageHours: number;
}

/** The fleet of `npm run bench -- gate`. */
export const benchWorld: WorldOptions = {
  devices: 1_000,
  types: [
    ['alpha', 0.5],
    ['beta', 0.3],
    ['gamma', 0.2],
  ],
  sites: [
    ['north', 0.4],
    ['east', 0.3],
    ['south', 0.2],
    ['west', 0.1],
  ],
  accuracy: 0.9,
  betweenSd: 0.03,
  siteSd: 0.02,
  dailyAmplitude: 0.02,
  autocorrelation: 0.5,
  windowSd: 0.02,
  inferencesPerWindow: 100,
  windowMinutes: 5,
  sleeperShare: 0.05,
  sleeperHours: 6,
  labelsPerDay: 0,
  installFailure: 0.01,
  installTimeout: 0.005,
  lapsesPerDay: 0.02,
  outageHours: 2,
};

/** How a new version differs from the old one. */
export interface VersionEffect {
  /** Added to the accuracy; -.1 = ten points worse. */
  readonly accuracy: number;
  /** Does its confidence fall with its accuracy? */
  readonly showsInConfidence: boolean;
  /** On this type only; null = everywhere. */
  readonly onlyType: string | null;
  /** Devices that run it stop working, so many of each a day. */
  readonly deathsPerDay: number;
}

/** sd of the confidence of one inference about its mean. */
const confidenceSd = 0.15;
const ood = { rate: 0.06, betweenSd: 0.015 };
const latencySd = 0.03;
const resetsPerDay = 0.02;
/** A connected device that is not heard of for an hour is overdue; a sleeper 1.25 of its gaps later. */
const sleeperWait = 1.25;

export interface Report {
  readonly n: number;
  readonly confidence: number;
  readonly ood: number;
  readonly latency: number;
  readonly days: number;
  readonly resets: number;
  readonly labelled: number;
  readonly correct: number;
}

export class World {
  readonly random: Random;
  readonly type: readonly string[];
  readonly site: readonly string[];
  readonly sleeps: Uint8Array;
  /** Hour from which a device runs the new version; Infinity = not yet. */
  readonly activeAt: Float64Array;
  private readonly own: Float64Array;
  private readonly ownOod: Float64Array;
  private readonly ownLatency: Float64Array;
  private readonly offset: Float64Array;
  private readonly wakeAt: Uint8Array;
  private readonly diesAt: Float64Array;
  private readonly awayUntil: Float64Array;
  private readonly state: Float64Array;
  private readonly lastHeard: Float64Array;
  private readonly outage: { readonly site: string; readonly from: number; readonly to: number };
  private readonly windowsPerHour: number;
  private readonly law: HourLaw;

  constructor(
    readonly options: WorldOptions,
    readonly effect: VersionEffect,
    seed: number,
  ) {
    const random = (this.random = new Random(seed));
    const { devices, types, sites } = options;
    const siteOffset = new Map(sites.map(([site]) => [site, options.siteSd * random.normal()]));
    const filled = (of: () => number): Float64Array => Float64Array.from({ length: devices }, of);
    this.type = Array.from({ length: devices }, () => pick(types, random.uniform()));
    this.site = Array.from({ length: devices }, () => pick(sites, random.uniform()));
    this.sleeps = Uint8Array.from({ length: devices }, () =>
      random.uniform() < options.sleeperShare ? 1 : 0,
    );
    this.wakeAt = Uint8Array.from({ length: devices }, () =>
      Math.floor(random.uniform() * options.sleeperHours),
    );
    this.own = filled(() => options.betweenSd * random.normal());
    this.ownOod = filled(() => Math.max(0, ood.rate + ood.betweenSd * random.normal()));
    this.ownLatency = filled(() => 1 + latencySd * random.normal());
    this.offset = Float64Array.from(this.site, (site) => siteOffset.get(site) ?? 0);
    this.activeAt = new Float64Array(devices).fill(Infinity);
    this.diesAt = new Float64Array(devices).fill(Infinity);
    this.awayUntil = new Float64Array(devices).fill(-1);
    this.state = filled(() => random.normal());
    this.lastHeard = new Float64Array(devices).fill(-1);
    const from = Math.floor(random.uniform() * 48);
    this.outage = { site: pick(sites, random.uniform()), from, to: from + options.outageHours };
    this.windowsPerHour = Math.round(60 / options.windowMinutes);
    this.law = hourLaw(options.autocorrelation, this.windowsPerHour);
  }

  /** Offers the new version. @returns hours until it ends, and how */
  install(
    device: number,
    hour: number,
  ): { readonly hours: number; readonly end: 'active' | 'failed' | 'timed-out' } {
    const { random, options } = this;
    const wait = this.sleeps[device] ? this.hoursToWake(device, hour) : 0;
    const lot = random.uniform();
    if (lot < options.installFailure) return { hours: wait, end: 'failed' };
    if (lot < options.installFailure + options.installTimeout) return { hours: wait + 2, end: 'timed-out' };
    this.activeAt[device] = hour + wait;
    if (this.effect.deathsPerDay > 0)
      this.diesAt[device] = hour + wait + (24 / this.effect.deathsPerDay) * random.exponential();
    return { hours: wait, end: 'active' };
  }

  /** What a device sends of an hour; undefined: nothing. Call it once an hour for every device that is of interest. */
  report(device: number, hour: number): Report | undefined {
    const { random, options, law } = this;
    if (!this.isReachable(device, hour)) return undefined;
    const sleeper = this.sleeps[device] === 1;
    if (sleeper && this.hoursToWake(device, hour) !== 0) return undefined;
    this.lastHeard[device] = hour;
    const isNew = this.activeAt[device]! <= hour;
    const windows = sleeper ? 1 : this.windowsPerHour;
    let noise = random.normal();
    if (!sleeper) {
      const before = this.state[device]!;
      const mean = law.meanOfState * before + law.meanSd * noise;
      this.state[device] =
        law.stateOfState * before + law.stateOfNoise * noise + law.stateSd * random.normal();
      noise = mean;
    }
    const applies = isNew && (this.effect.onlyType === null || this.effect.onlyType === this.type[device]);
    const loss = applies ? this.effect.accuracy : 0;
    const usual =
      options.accuracy +
      this.own[device]! +
      this.offset[device]! +
      options.dailyAmplitude * Math.sin((2 * Math.PI * hour) / 24) +
      options.windowSd * noise;
    const accuracy = Math.min(1, Math.max(0, usual + loss));
    const n = windows * options.inferencesPerWindow;
    const rate = this.ownOod[device]!;
    const days = (sleeper ? options.sleeperHours : 1) / 24;
    const labelled = options.labelsPerDay > 0 ? random.poisson(options.labelsPerDay * days) : 0;
    let correct = 0;
    for (let i = 0; i < labelled; i++) if (random.uniform() < accuracy) correct++;
    return {
      n,
      confidence:
        usual + (this.effect.showsInConfidence ? loss : 0) + (confidenceSd / Math.sqrt(n)) * random.normal(),
      ood: Math.max(0, rate + Math.sqrt((rate * (1 - rate)) / n) * random.noise()),
      latency: this.ownLatency[device]! + 0.002 * random.noise(),
      days,
      // So seldom that two in one report do not matter.
      resets: random.uniform() < resetsPerDay * days ? 1 : 0,
      labelled,
      correct,
    };
  }

  /** At the end of an hour. */
  contact(device: number, sinceHour: number, hour: number): 'heard' | 'pending' | 'silent' {
    const last = this.lastHeard[device]!;
    const wait = this.sleeps[device] ? sleeperWait * this.options.sleeperHours : 0;
    if (hour - Math.max(last, sinceHour) > wait) return 'silent';
    return last >= sinceHour ? 'heard' : 'pending';
  }

  private isReachable(device: number, hour: number): boolean {
    const { random, outage } = this;
    if (this.diesAt[device]! <= hour) return false;
    if (this.awayUntil[device]! < hour && random.uniform() < this.options.lapsesPerDay / 24)
      this.awayUntil[device] = hour + random.exponential();
    if (this.awayUntil[device]! >= hour) return false;
    return !(this.site[device] === outage.site && hour >= outage.from && hour < outage.to);
  }

  private hoursToWake(device: number, hour: number): number {
    const period = this.options.sleeperHours;
    return (((this.wakeAt[device]! - hour) % period) + period) % period;
  }
}

function pick(shares: readonly (readonly [string, number])[], at: number): string {
  let sum = 0;
  for (const [name, share] of shares) {
    sum += share;
    if (at < sum) return name;
  }
  return shares.at(-1)![0];
}

interface HourLaw {
  readonly meanOfState: number;
  readonly meanSd: number;
  readonly stateOfState: number;
  readonly stateOfNoise: number;
  readonly stateSd: number;
}

/** Mean of `count` steps of an AR(1) process of variance 1, and its last state, given the state before. */
function hourLaw(phi: number, count: number): HourLaw {
  const noise = 1 - phi * phi;
  let [meanVariance, stateVariance, covariance] = [0, 0, 0];
  for (let j = 1; j <= count; j++) {
    // What the noise of step j adds to the mean, and to the last state.
    const toMean = (1 - phi ** (count - j + 1)) / (1 - phi) / count;
    const toState = phi ** (count - j);
    meanVariance += noise * toMean * toMean;
    stateVariance += noise * toState * toState;
    covariance += noise * toMean * toState;
  }
  const meanSd = Math.sqrt(meanVariance);
  return {
    meanOfState: (phi * (1 - phi ** count)) / (1 - phi) / count,
    meanSd,
    stateOfState: phi ** count,
    stateOfNoise: covariance / meanSd,
    stateSd: Math.sqrt(Math.max(0, stateVariance - (covariance / meanSd) ** 2)),
  };
}
