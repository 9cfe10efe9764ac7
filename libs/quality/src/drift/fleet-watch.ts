/**
 * Watches every monitored value of every device, group and the fleet, round by round, for lasting shifts, within a budget of false
 * pages. Pure: windows in, alarms out; what an alarm means is said by verdict.ts.
 *
 * A round is a window's length. In it, for each stream (the mean of a feature, its spread, a share of a class):
 *   1. what all devices share is the trimmed mean of their values less their own means (shared-hour.ts);
 *   2. each device's rest goes through its filter (own-mean-filter.ts), which makes independent standard normal scores of it;
 *   3. scores are summed by CUSUM, for each device, each group and the fleet (alarm-lines.ts), with one ARL0 from the budget.
 * The healthy rounds at the start teach the noise (stream-noise.ts); nothing alarms in them. docs/design/quality.md tells why.
 */
import { FleetError } from '@tinyfleet/errors';
import { checkOption } from '../detectors/detector.js';
import { AlarmLines, CLIP, sensitivityOf, type Sensitivity } from './alarm-lines.js';
import { Arrivals } from './arrivals.js';
import {
  FILTER_SIZE,
  filterStep,
  firstResponses,
  forgetSurroundings,
  settledResponse,
  startFilter,
} from './own-mean-filter.js';
import { arl0OfBudget, type PageBudget } from './page-budget.js';
import { packState, unpackState } from './saved-state.js';
import { Season, TRIM, shareHistory, trimmedMean } from './shared-hour.js';
import { learnStreamNoise, type StreamNoise } from './stream-noise.js';

export interface WatchedStream {
  readonly name: string;
  /** The smallest lasting shift worth a page, in the stream's units. */
  readonly leastShift: number;
}
/** Devices that share a value of an attribute: a site, a batch, a version. */
export interface WatchedGroup {
  readonly attribute: string;
  readonly value: string;
  readonly members: readonly number[];
}
export interface FleetWatchOptions {
  readonly devices: number;
  readonly streams: readonly WatchedStream[];
  readonly groups?: readonly WatchedGroup[];
  readonly budget: PageBudget;
  readonly roundsPerHour?: number;
  /** Rounds that are declared healthy. Default 96: four days of hours. */
  readonly healthyRounds?: number;
  /** Rounds that a window may be late. Default 6. */
  readonly watermark?: number;
  /** What the fleet does again and again: by the hour of the day, or of the week when two healthy weeks show it. Default day. */
  readonly season?: 'day' | 'week';
}

export interface Alarm {
  readonly round: number;
  readonly level: 'device' | 'group' | 'fleet';
  /** Position of the device, or of the group; 0 for the fleet. */
  readonly index: number;
  readonly stream: number;
  /** Windows since the change, as estimated. */
  readonly windows: number;
  /** In the stream's units. */
  readonly shift: number;
  readonly meanScore: number;
}

/** Groups of fewer devices are judged as devices. */
const LEAST_GROUP = 3;
/** Of a shift, in which its scores fall to what they settle at. */
const FIRST_WINDOWS = 64;
/** A device's part in its group's score: one broken device is not a group. */
const GROUP_CLIP = 2;

/** Where a stream of a device, a group or the fleet stands. */
export interface Standing {
  /** Windows since the change, as estimated; 0 = it does not move. */
  readonly windows: number;
  /** In the stream's units. */
  readonly shift: number;
  /** Of all these windows together. */
  readonly score: number;
}

interface Judged {
  readonly noise: StreamNoise;
  readonly shared: StreamNoise;
  readonly season: Season;
  readonly device: Sensitivity;
  readonly deviceResponse: number;
  readonly fleet: Sensitivity;
  readonly fleetResponse: number;
  /** Variances that a window of a device and a round of the fleet have; NaN = of a state that did not keep them. */
  readonly typical: readonly [device: number, fleet: number];
  /** Over the first windows of a shift; empty = not known. */
  readonly firstOfDevice: Float64Array;
  readonly firstOfFleet: Float64Array;
  /** Variance of the groups' scores while healthy. */
  readonly groupVariance: Float64Array;
  readonly group: readonly Sensitivity[];
}

export class FleetWatch {
  readonly arl0: number;
  /** Streams of devices, groups and the fleet that share the budget. */
  readonly streamCount: number;
  private readonly arrivals: Arrivals;
  private readonly groups: readonly WatchedGroup[];
  private readonly healthyRounds: number;
  private readonly seasonRounds: number;
  /** Of the healthy rounds, by stream; empty once they have taught what they can. */
  private readonly history: { values: Float64Array; variances: Float64Array }[];
  private judged: readonly Judged[] | undefined;
  private readonly filters: Float64Array;
  private readonly fleetFilters: Float64Array;
  private readonly lines: AlarmLines;
  private readonly groupLines: AlarmLines;
  private readonly fleetLines: AlarmLines;
  /** By device and stream, the score of the last round; NaN = none. */
  private readonly scores: Float64Array;
  private readonly lastJudged: Int32Array;
  /** Ring of what was shared, by round and stream. */
  private readonly shared: Float64Array;
  private readonly sharedSlots: number;
  private readonly setAside: Uint8Array;
  /** By device and stream, the value less what is shared and the device's own mean, of its last round. */
  private readonly rests: Float64Array;
  /** By stream; NaN = the fleet was not judged in the last round. */
  private readonly fleetRests: Float64Array;
  /** Devices that were judged in this round. */
  private readonly judgedNow: Uint8Array;
  /** The fleet's own incident is open, by stream. */
  private readonly fleetSetAside: Uint8Array;
  private now = -1;

  /** @param learned the healthy rounds are over: nothing is kept for them */
  constructor(
    private readonly options: FleetWatchOptions,
    learned = false,
  ) {
    const {
      devices,
      streams,
      healthyRounds = 96,
      watermark = 6,
      roundsPerHour = 1,
      season = 'day',
    } = options;
    checkOption('devices', devices, Number.isInteger(devices) && devices >= 1, 'an integer from 1');
    checkOption('streams', streams.length, streams.length >= 1, 'at least one');
    checkOption(
      'healthyRounds',
      healthyRounds,
      healthyRounds >= 24 && healthyRounds <= 2_000,
      'from 24 to 2,000',
    );
    checkOption('watermark', watermark, Number.isInteger(watermark) && watermark >= 0, 'an integer from 0');
    this.groups = (options.groups ?? []).filter(({ members }) => members.length >= LEAST_GROUP);
    this.streamCount = streams.length * (devices + this.groups.length + 1);
    this.arl0 = arl0OfBudget(options.budget, { streams: this.streamCount, roundsPerHour });
    this.healthyRounds = healthyRounds;
    const day = Math.max(1, Math.round(24 * roundsPerHour));
    this.seasonRounds = season === 'week' && healthyRounds >= 14 * day ? 7 * day : day;
    this.arrivals = new Arrivals(devices, streams.length, watermark);
    this.history = learned
      ? []
      : streams.map(() => ({
          values: new Float64Array(healthyRounds * devices).fill(NaN),
          variances: new Float64Array(healthyRounds * devices),
        }));
    this.filters = new Float64Array(devices * streams.length * FILTER_SIZE);
    this.fleetFilters = new Float64Array(streams.length * FILTER_SIZE);
    this.lines = new AlarmLines(devices * streams.length);
    this.groupLines = new AlarmLines(this.groups.length * streams.length);
    this.fleetLines = new AlarmLines(streams.length);
    this.scores = new Float64Array(devices * streams.length).fill(NaN);
    this.lastJudged = new Int32Array(devices).fill(-1);
    this.sharedSlots = watermark + 2;
    this.shared = new Float64Array(this.sharedSlots * streams.length);
    this.setAside = new Uint8Array(devices);
    this.rests = new Float64Array(devices * streams.length);
    this.fleetRests = new Float64Array(streams.length);
    this.judgedNow = new Uint8Array(devices);
    this.fleetSetAside = new Uint8Array(streams.length);
  }

  /** Round that was closed last; -1 = none. */
  get closed(): number {
    return this.now;
  }

  /** One window of one device. @param variances of the values, from their n: s^2 / n for a mean */
  observe(round: number, device: number, values: ArrayLike<number>, variances: ArrayLike<number>): void {
    if (this.judged === undefined && round < this.healthyRounds) {
      this.history.forEach((one, s) => {
        one.values[round * this.options.devices + device] = values[s]!;
        one.variances[round * this.options.devices + device] = variances[s]!;
      });
    } else this.arrivals.add(round, device, values, variances);
  }

  /** Was this window judged, or does it wait to be? Another of the same round and device changes nothing. */
  knows(round: number, device: number): boolean {
    if (this.judged === undefined) return false;
    return round < this.arrivals.next[device]! || this.arrivals.has(round, device);
  }

  /** Round of the last window of a device that was judged; -1 = none. */
  lastRoundOf(device: number): number {
    return this.lastJudged[device]!;
  }

  /** The round is over: judges what has come. Rounds are closed in order, each once. */
  close(round: number): Alarm[] {
    this.now = round;
    // With the last of them, so that what is saved has not all that taught it.
    if (round >= this.healthyRounds - 1) this.judged ??= this.learn();
    if (round < this.healthyRounds) return [];
    const { devices, streams } = this.options;
    const alarms: Alarm[] = [];
    this.scores.fill(NaN);
    this.judgedNow.fill(0);
    for (const s of streams.keys()) this.share(round, s);
    for (let j = 0; j < devices; j++) {
      for (let due = this.arrivals.due(j, round); due >= 0; due = this.arrivals.due(j, round)) {
        for (let s = 0; s < streams.length; s++) this.judgeDevice(due, j, s, alarms);
        this.lastJudged[j] = due;
        this.judgedNow[j] = 1;
        this.arrivals.next[j] = due + 1;
      }
    }
    for (let s = 0; s < streams.length; s++) {
      this.groups.forEach((_, g) => this.judgeGroup(round, g, s, alarms));
      this.judgeFleet(round, s, alarms);
    }
    return alarms;
  }

  /** Devices whose incident is open: they move no group, learn nothing and say nothing until `calm` or `resolve`. */
  suspend(devices: readonly number[]): void {
    const fresh = devices.filter((j) => this.setAside[j] === 0);
    for (const j of fresh) this.setAside[j] = 1;
    if (fresh.length > TRIM * this.options.devices) this.forgetShared();
  }

  /** So many are set aside that what the others share is something else from now on. */
  private forgetShared(): void {
    const { devices, streams } = this.options;
    for (let s = 0; s < streams.length; s++) {
      if (!this.judged) return;
      const { noise, shared } = this.judged[s]!;
      for (let j = 0; j < devices; j++) {
        if (this.setAside[j] === 1) continue;
        this.lines.reset(j * streams.length + s);
        forgetSurroundings(this.filters, (j * streams.length + s) * FILTER_SIZE, noise);
      }
      this.groups.forEach((_, g) => this.groupLines.reset(g * streams.length + s));
      if (this.fleetSetAside[s] === 1) continue;
      this.fleetLines.reset(s);
      forgetSurroundings(this.fleetFilters, s * FILTER_SIZE, shared);
    }
  }

  isSuspended(device: number): boolean {
    return this.setAside[device] === 1;
  }

  /** It is again as it was: judged as before its incident. */
  calm(device: number): void {
    this.setAside[device] = 0;
    this.options.streams.forEach((_, s) => {
      const line = device * this.options.streams.length + s;
      this.lines.reset(line);
      if (this.judged) forgetSurroundings(this.filters, line * FILTER_SIZE, this.judged[s]!.noise);
    });
  }

  /** It stays as it is now, which is taken for healthy from now on. */
  resolve(device: number): void {
    this.setAside[device] = 0;
    this.options.streams.forEach((_, s) => {
      const line = device * this.options.streams.length + s;
      this.lines.reset(line);
      if (!this.judged) return;
      const { noise } = this.judged[s]!;
      // As far from its group as it is now is what it may be: its next windows tell.
      startFilter(this.filters, line * FILTER_SIZE, {
        ...noise,
        between: noise.between + this.rests[line]! ** 2,
      });
    });
  }

  suspendFleet(stream: number): void {
    this.fleetSetAside[stream] = 1;
  }

  calmFleet(stream: number): void {
    this.fleetSetAside[stream] = 0;
    this.fleetLines.reset(stream);
    if (this.judged) forgetSurroundings(this.fleetFilters, stream * FILTER_SIZE, this.judged[stream]!.shared);
  }

  /** It stays as it is now, which is taken for healthy. @param told how far it was when it was told, for when that is not known now */
  resolveFleet(stream: number, told: number): void {
    this.fleetSetAside[stream] = 0;
    this.fleetLines.reset(stream);
    if (!this.judged) return;
    const { shared } = this.judged[stream]!;
    const between = shared.between + (this.fleetRestOf(stream) ?? told) ** 2;
    startFilter(this.fleetFilters, stream * FILTER_SIZE, { ...shared, between });
  }

  /** How far a device is from its own mean now, in the stream's units; undefined = no window of it was judged in this round. */
  restOf(device: number, stream: number): number | undefined {
    return this.judgedNow[device] === 1
      ? this.rests[device * this.options.streams.length + stream]!
      : undefined;
  }

  /** How far the fleet is from its season now, in the stream's units; undefined = it was not judged in this round. */
  fleetRestOf(stream: number): number | undefined {
    const rest = this.fleetRests[stream]!;
    return Number.isNaN(rest) ? undefined : rest;
  }

  /** Devices with a window that was judged in this round. */
  reported(device: number): boolean {
    return this.judgedNow[device] === 1;
  }

  standing(level: Alarm['level'], index: number, stream: number): Standing {
    const judged = this.judged?.[stream];
    if (!judged) return { windows: 0, shift: 0, score: 0 };
    const line = index * this.options.streams.length + stream;
    const [lines, sensitivity] =
      level === 'device'
        ? [this.lines, judged.device]
        : level === 'group'
          ? [this.groupLines, judged.group[index]!]
          : [this.fleetLines, judged.fleet];
    const { windows, meanScore } = lines.since(level === 'fleet' ? stream : line, sensitivity);
    const response =
      level === 'group'
        ? this.groupResponse(index, stream, windows)
        : level === 'device'
          ? responseOver(judged.firstOfDevice, judged.deviceResponse, windows)
          : responseOver(judged.firstOfFleet, judged.fleetResponse, windows);
    return { windows, shift: meanScore / response, score: meanScore * Math.sqrt(windows) };
  }

  /** Share of the way to an alarm with its sign, by device, of one stream: who else is moving. */
  levels(stream: number): Float64Array {
    const { devices, streams } = this.options;
    const judged = this.judged?.[stream];
    return Float64Array.from({ length: devices }, (_, j) =>
      judged ? this.lines.level(j * streams.length + stream, judged.device) : 0,
    );
  }

  /** Scores of the last round, by device; NaN = no window. For e-values and rankings. */
  scoresOf(stream: number): Float64Array {
    const { devices, streams } = this.options;
    return Float64Array.from({ length: devices }, (_, j) => this.scores[j * streams.length + stream]!);
  }

  /** What the healthy rounds taught about a stream. */
  noiseOf(stream: number): StreamNoise | undefined {
    return this.judged?.[stream]?.noise;
  }

  get late(): { readonly tooLate: number; readonly duplicates: number } {
    return { tooLate: this.arrivals.tooLate, duplicates: this.arrivals.duplicates };
  }

  /** Everything learned and everything that waits, as bytes: `restore` goes on from it. */
  save(): Uint8Array {
    const { devices, streams } = this.options;
    const { judged } = this;
    const each = (of: (one: Judged) => readonly number[]) => Float64Array.from(judged?.flatMap(of) ?? []);
    return packState({
      facts: {
        ...this.shape(),
        devices,
        streams: streams.map(({ name }) => name),
        groups: this.groups.map(({ attribute, value }) => [attribute, value]),
        now: this.now,
        learned: judged !== undefined,
        tooLate: this.arrivals.tooLate,
        duplicates: this.arrivals.duplicates,
      },
      arrays: {
        ...this.arrivals.save(),
        ...this.lines.save('lines'),
        ...this.groupLines.save('groups'),
        ...this.fleetLines.save('fleet'),
        ...Object.fromEntries(
          this.history.flatMap(({ values, variances }, s) => [
            [`history.${s}.values`, values],
            [`history.${s}.variances`, variances],
          ]),
        ),
        filters: this.filters,
        fleetFilters: this.fleetFilters,
        rests: this.rests,
        fleetRests: this.fleetRests,
        shared: this.shared,
        lastJudged: this.lastJudged,
        setAside: this.setAside,
        fleetSetAside: this.fleetSetAside,
        responses: each((one) => [one.deviceResponse, one.fleetResponse]),
        typical: each((one) => one.typical),
        noises: each(({ noise, shared }) =>
          [noise, shared].flatMap(({ between, wander, phi }) => [between, wander, phi]),
        ),
        seasonSums: each(({ season }) => [...season.sums]),
        seasonCounts: each(({ season }) => [...season.counts]),
        groupVariance: each(({ groupVariance }) => [...groupVariance]),
      },
    });
  }

  /**
   * A watch that goes on where the saved one was. `options` may have more devices, after the known ones, and other groups: a new
   * device begins as its group is; a new group with the variance of its like.
   * @throws quality.state-unusable when it was saved with other streams, rounds or fewer devices
   */
  static restore(options: FleetWatchOptions, bytes: Uint8Array): FleetWatch {
    const { facts, arrays } = unpackState(bytes);
    const was = facts as {
      devices: number;
      streams: string[];
      groups: string[][];
      learned: boolean;
    } & Record<'now' | 'tooLate' | 'duplicates', number>;
    const watch = new FleetWatch(options, was.learned);
    const refuse = (what: string): never => {
      throw new FleetError('quality.state-unusable', { reason: `it was saved with other ${what}` });
    };
    for (const [name, value] of Object.entries(watch.shape())) if (facts[name] !== value) refuse(name);
    const names = options.streams.map(({ name }) => name);
    if (names.length !== was.streams.length || names.some((name, s) => name !== was.streams[s]))
      refuse('streams');
    if (was.devices > options.devices) refuse('devices');
    const known = was.devices;
    const size = names.length;
    watch.now = was.now;
    watch.arrivals.load(arrays, known);
    watch.arrivals.tooLate = was.tooLate;
    watch.arrivals.duplicates = was.duplicates;
    watch.filters.set(arrays['filters']!);
    watch.fleetFilters.set(arrays['fleetFilters']!);
    watch.rests.set(arrays['rests']!);
    watch.fleetRests.set(arrays['fleetRests']!);
    watch.shared.set(arrays['shared']!);
    watch.lastJudged.set(arrays['lastJudged']!);
    watch.setAside.set(arrays['setAside']!);
    watch.fleetSetAside.set(arrays['fleetSetAside']!);
    const places = watch.groups.map(({ attribute, value }) =>
      was.groups.findIndex(([name, of]) => name === attribute && of === value),
    );
    watch.lines.load('lines', arrays, (i) => (i < known * size ? i : -1));
    watch.fleetLines.load('fleet', arrays, (i) => i);
    watch.groupLines.load('groups', arrays, (i) => {
      const place = places[Math.floor(i / size)]!;
      return place < 0 ? -1 : place * size + (i % size);
    });
    if (!was.learned) {
      watch.history.forEach((one, s) => {
        for (const kind of ['values', 'variances'] as const) {
          const saved = arrays[`history.${s}.${kind}`]!;
          for (let t = 0; t < watch.healthyRounds; t++)
            one[kind].set(saved.subarray(t * known, (t + 1) * known), t * options.devices);
        }
      });
      return watch;
    }
    watch.judged = options.streams.map(({ leastShift }, s) => {
      const at = (name: string, i: number, count: number) => arrays[name]![s * count + i]!;
      const noise = (from: number): StreamNoise => ({
        between: at('noises', from, 6),
        wander: at('noises', from + 1, 6),
        phi: at('noises', from + 2, 6),
      });
      const season = new Season(watch.seasonRounds, watch.healthyRounds);
      season.sums.forEach((_, i) => {
        season.sums[i] = at('seasonSums', i, season.sums.length);
        season.counts[i] = at('seasonCounts', i, season.sums.length);
      });
      const variances = was.groups.map((_, g) => at('groupVariance', g, was.groups.length));
      const groupVariance = Float64Array.from(watch.groups, ({ attribute }, g) => {
        if (places[g]! >= 0) return variances[places[g]!]!;
        // The greatest of its like, else of all: a group that nobody knows yet costs no more than the budget.
        const like = variances.filter((_, i) => was.groups[i]![0] === attribute);
        return Math.max(1, ...(like.length > 0 ? like : variances));
      });
      return watch.judgedBy(leastShift, {
        ...{ noise: noise(0), shared: noise(3), season, groupVariance },
        deviceResponse: at('responses', 0, 2),
        fleetResponse: at('responses', 1, 2),
        typical: arrays['typical'] ? [at('typical', 0, 2), at('typical', 1, 2)] : [NaN, NaN],
      });
    });
    for (let j = known; j < options.devices; j++) {
      watch.arrivals.begin(j, Math.max(watch.healthyRounds, watch.now + 1));
      for (let s = 0; s < size; s++)
        startFilter(watch.filters, (j * size + s) * FILTER_SIZE, watch.judged[s]!.noise);
    }
    return watch;
  }

  /** What has to be the same before and after. */
  private shape(): Record<string, number> {
    return {
      healthyRounds: this.healthyRounds,
      watermark: this.sharedSlots - 2,
      seasonRounds: this.seasonRounds,
    };
  }

  private share(round: number, s: number): void {
    const { devices, streams } = this.options;
    const rest = new Float64Array(devices);
    let n = 0;
    for (let j = 0; j < devices; j++) {
      if (this.setAside[j] === 1 || !this.arrivals.has(round, j)) continue;
      const value = this.arrivals.value(round, j, s);
      if (!Number.isNaN(value)) rest[n++] = value - this.filters[(j * streams.length + s) * FILTER_SIZE]!;
    }
    this.shared[(round % this.sharedSlots) * streams.length + s] =
      n > 0 ? trimmedMean(rest.subarray(0, n)) : NaN;
  }

  private judgeDevice(round: number, j: number, s: number, alarms: Alarm[]): void {
    const line = j * this.options.streams.length + s;
    const { noise, device, deviceResponse, firstOfDevice, season } = this.judged![s]!;
    const value = this.arrivals.value(round, j, s);
    if (Number.isNaN(value)) return;
    // With nobody else, the season of the healthy days is all there is to compare with.
    const common = this.shared[(round % this.sharedSlots) * this.options.streams.length + s]!;
    const y = value - (this.options.devices > 1 && !Number.isNaN(common) ? common : season.expected(round));
    const gap = this.lastJudged[j]! < 0 ? 1 : round - this.lastJudged[j]!;
    this.rests[line] = y - this.filters[line * FILTER_SIZE]!;
    if (this.setAside[j] === 1) return;
    const variance = this.arrivals.variance(round, j, s);
    const z = filterStep(this.filters, line * FILTER_SIZE, noise, { y, variance, gap });
    this.scores[line] = z;
    if (!this.lines.step(line, z, device)) return;
    const { windows, meanScore } = this.lines.since(line, device);
    alarms.push({
      round: this.now,
      level: 'device',
      index: j,
      stream: s,
      windows,
      meanScore,
      shift: meanScore / responseOver(firstOfDevice, deviceResponse, windows),
    });
    this.lines.reset(line);
  }

  /** Mean score of the members, times the root of their number: standard normal but for what the group shares while healthy. */
  private judgeGroup(round: number, g: number, s: number, alarms: Alarm[]): void {
    const line = g * this.options.streams.length + s;
    const { groupVariance, group } = this.judged![s]!;
    const { z, n } = this.groupScore(g, s);
    if (n < LEAST_GROUP || !this.groupLines.step(line, z / Math.sqrt(groupVariance[g]!), group[g]!)) return;
    const { windows, meanScore } = this.groupLines.since(line, group[g]!);
    const shift = meanScore / this.groupResponse(g, s, windows, n);
    alarms.push({ round, level: 'group', index: g, stream: s, windows, meanScore, shift });
    this.groupLines.reset(line);
  }

  /** Mean score of a group for each unit by which its members shift. */
  private groupResponse(
    g: number,
    s: number,
    windows: number,
    members = this.groups[g]!.members.length,
  ): number {
    const { groupVariance, deviceResponse, firstOfDevice } = this.judged![s]!;
    return (
      (responseOver(firstOfDevice, deviceResponse, windows) * Math.sqrt(members)) /
      Math.sqrt(groupVariance[g]!)
    );
  }

  private groupScore(g: number, s: number): { z: number; n: number } {
    let [sum, n] = [0, 0];
    for (const j of this.groups[g]!.members) {
      const score = this.scores[j * this.options.streams.length + s]!;
      if (Number.isNaN(score) || this.setAside[j] === 1) continue;
      sum += Math.max(-GROUP_CLIP, Math.min(GROUP_CLIP, score));
      n++;
    }
    return { z: n > 0 ? sum / Math.sqrt(n) : 0, n };
  }

  private judgeFleet(round: number, s: number, alarms: Alarm[]): void {
    const { season, shared, fleet, fleetResponse, firstOfFleet } = this.judged![s]!;
    const common = this.shared[(round % this.sharedSlots) * this.options.streams.length + s]!;
    const { devices } = this.options;
    this.fleetRests[s] = NaN;
    if (devices < LEAST_GROUP || Number.isNaN(common)) return;
    // What fewer than half of them share is not what the fleet does, and is not known as well.
    if (2 * this.setAside.reduce((sum, one) => sum + one, 0) > devices) return;
    const variance = shared.between / Math.max(1, season.days(round));
    const y = common - season.expected(round);
    this.fleetRests[s] = y - this.fleetFilters[s * FILTER_SIZE]!;
    if (this.fleetSetAside[s] === 1) return;
    const z = filterStep(this.fleetFilters, s * FILTER_SIZE, shared, { y, variance, gap: 1 });
    if (!this.fleetLines.step(s, z, fleet)) return;
    const { windows, meanScore } = this.fleetLines.since(s, fleet);
    alarms.push({
      round,
      level: 'fleet',
      index: 0,
      stream: s,
      windows,
      meanScore,
      shift: meanScore / responseOver(firstOfFleet, fleetResponse, windows),
    });
    this.fleetLines.reset(s);
  }

  private learn(): readonly Judged[] {
    const judged = this.history.map((_, s) => this.learnStream(s));
    this.history.length = 0;
    this.arrivals.next.fill(this.healthyRounds);
    return judged;
  }

  private learnStream(s: number): Judged {
    const { devices, streams } = this.options;
    const { values, variances } = this.history[s]!;
    const rounds = this.healthyRounds;
    // One device shares with nobody: it is compared with its own season.
    const common = devices === 1 ? values.slice() : shareHistory(values, devices);
    const season = new Season(this.seasonRounds, rounds);
    common.forEach((value, t) => season.add(t, value));
    if (devices === 1) values.forEach((value, t) => (values[t] = value - season.expected(t)));
    const noise = learnStreamNoise(values, variances, devices);
    const typical = median(variances.filter((variance, i) => variance > 0 && !Number.isNaN(values[i]!)));
    const response = settledResponse(noise, typical);
    const { leastShift } = streams[s]!;
    // What the fleet does beside its season. Its level is known from the healthy days, so nothing is left to learn of it but their
    // error; twice what so few hours show, since they show it badly.
    const rest = common.map((value, t) => value - season.expected(t));
    const learned = learnStreamNoise(rest, new Float64Array(rounds), 1);
    const sample = rest.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value * value), 0) / rounds;
    const shared = { between: 2 * sample, wander: 2 * Math.max(learned.wander, sample), phi: learned.phi };
    const fleetVariance = shared.between / Math.max(1, season.days(0));
    const fleetResponse = settledResponse(shared, fleetVariance);
    startFilter(this.fleetFilters, s * FILTER_SIZE, { ...shared, between: fleetVariance });
    const groupVariance = this.replay(s, values, variances, noise);
    return this.judgedBy(leastShift, {
      ...{ noise, shared, season, groupVariance },
      deviceResponse: response,
      fleetResponse,
      typical: [typical, fleetVariance],
    });
  }

  private judgedBy(
    leastShift: number,
    learned: Omit<Judged, 'device' | 'fleet' | 'group' | 'firstOfDevice' | 'firstOfFleet'>,
  ): Judged {
    const { deviceResponse, fleetResponse, groupVariance, noise, shared, typical } = learned;
    const first = (of: StreamNoise, variance: number) =>
      firstResponses(of, variance, Number.isNaN(variance) ? 0 : FIRST_WINDOWS);
    return {
      ...learned,
      ...{ firstOfDevice: first(noise, typical[0]), firstOfFleet: first(shared, typical[1]) },
      device: sensitivityOf(deviceResponse, leastShift, this.arl0),
      fleet: sensitivityOf(fleetResponse, leastShift, this.arl0),
      group: this.groups.map(({ members }, g) =>
        sensitivityOf(
          (deviceResponse * Math.sqrt(members.length)) / Math.sqrt(groupVariance[g]!),
          leastShift,
          this.arl0,
        ),
      ),
    };
  }

  /** Runs the filters through the healthy rounds, after which each device knows itself. Answers the variance of group scores. */
  private replay(s: number, values: Float64Array, variances: Float64Array, noise: StreamNoise): Float64Array {
    const { devices, streams } = this.options;
    const squares = new Float64Array(this.groups.length);
    const counts = new Float64Array(this.groups.length);
    const last = new Int32Array(devices).fill(-1);
    for (let j = 0; j < devices; j++)
      startFilter(this.filters, (j * streams.length + s) * FILTER_SIZE, noise);
    for (let t = 0; t < this.healthyRounds; t++) {
      this.scores.fill(NaN);
      for (let j = 0; j < devices; j++) {
        const y = values[t * devices + j]!;
        if (Number.isNaN(y)) continue;
        const line = j * streams.length + s;
        const gap = last[j]! < 0 ? 1 : t - last[j]!;
        const window = { y, variance: variances[t * devices + j]!, gap };
        this.scores[line] = filterStep(this.filters, line * FILTER_SIZE, noise, window);
        last[j] = t;
        this.lastJudged[j] = Math.max(this.lastJudged[j]!, t);
      }
      this.groups.forEach((_, g) => {
        const { z, n } = this.groupScore(g, s);
        if (n < LEAST_GROUP) return;
        squares[g]! += z * z;
        counts[g]!++;
      });
    }
    // Never below what independent members have; a group that shares weather has more.
    return squares.map((sum, g) => Math.max(1, counts[g]! > 0 ? sum / counts[g]! : CLIP));
  }
}

/** Mean score over so many windows of a shift, for each unit of it. */
function responseOver(first: Float64Array, settled: number, windows: number): number {
  if (first.length === 0 || windows < 1) return settled;
  if (windows <= first.length) return first[windows - 1]!;
  return (first.length * first.at(-1)! + (windows - first.length) * settled) / windows;
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted.length > 0 ? sorted[sorted.length >> 1]! : 0;
}
