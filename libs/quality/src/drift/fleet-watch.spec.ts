import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import { isCalm } from '../watch/incidents.js';
import { FleetWatch, type Alarm, type FleetWatchOptions } from './fleet-watch.js';
import { parseBudget } from './page-budget.js';
import { packState, unpackState } from './saved-state.js';

const devices = 12;
const healthyRounds = 48;
const rounds = 96;
const streams = [
  { name: 'a', leastShift: 0.25 },
  { name: 'b', leastShift: 0.25 },
];
const groups = ['w', 'x', 'y', 'z'].map((value, g) => ({
  attribute: 'site',
  value,
  members: Array.from({ length: devices }, (_, j) => j).filter((j) => j % 4 === g),
}));
const options: FleetWatchOptions = {
  ...{ devices, streams, groups, healthyRounds },
  budget: parseBudget('at most one false page a day'),
};

interface Window {
  readonly at: number;
  readonly round: number;
  readonly device: number;
  readonly values: readonly number[];
}
/** By the round in which they come: some late, one twice, some never. Device 3 and then site x shift. */
function windows(seed: number): Window[][] {
  const random = new Random(seed);
  const all: Window[] = [];
  for (let round = 0; round < rounds; round++)
    for (let device = 0; device < devices; device++) {
      const shift =
        (device === 3 && round >= 60 && round < 75 ? 1.2 : 0) + (device % 4 === 1 && round >= 80 ? -0.2 : 0);
      const values = [0.2 * device + shift + 0.1 * random.normal(), 0.1 * random.normal()];
      const late = random.uniform() < 0.1 ? 1 + Math.floor(random.uniform() * 8) : 0;
      if (random.uniform() < 0.03) continue;
      all.push({ at: round + (round < healthyRounds ? 0 : late), round, device, values });
      if (random.uniform() < 0.05) all.push({ at: round + 1, round, device, values });
    }
  return Array.from({ length: rounds }, (_, t) => all.filter(({ at }) => at === t));
}

/** What people and the store do besides: an open incident sets its device aside, a calm one lets it go. */
function feed(watch: FleetWatch, batch: readonly Window[], round: number): Alarm[] {
  for (const { round: of, device, values } of batch) watch.observe(of, device, values, [0.01, 0.01]);
  const alarms = watch.close(round);
  for (const { level, index } of alarms) if (level === 'device' && index === 3) watch.suspend([index]);
  if (round === 78) watch.calm(3);
  return alarms;
}

describe('a watch that is saved', () => {
  const batches = windows(5);
  const decisions = (): Alarm[][] => {
    const watch = new FleetWatch(options);
    return batches.map((batch, t) => feed(watch, batch, t));
  };
  const whole = decisions();

  it('should alarm at what was put into this stream', () => {
    const alarms = whole.flat();
    expect(alarms.find(({ index, level }) => level === 'device' && index === 3)).toMatchObject({ stream: 0 });
    expect(alarms.length).toBeGreaterThan(2);
  });

  it.each([0, 20, 47, 48, 61, 77, 90])('should decide the same when it was restored after round %i', (at) => {
    let watch = new FleetWatch(options);
    const decided = batches.map((batch, t) => {
      const alarms = feed(watch, batch, t);
      if (t === at) watch = FleetWatch.restore(options, watch.save());
      return alarms;
    });
    expect(decided).toEqual(whole);
  });

  it('should decide the same when it is restored after every round', () => {
    let bytes = new FleetWatch(options).save();
    const decided = batches.map((batch, t) => {
      const watch = FleetWatch.restore(options, bytes);
      const alarms = feed(watch, batch, t);
      bytes = watch.save();
      return alarms;
    });
    expect(decided).toEqual(whole);
  });

  it('should take in new devices and groups, and judge the known ones as before', () => {
    const watch = new FleetWatch(options);
    for (let t = 0; t < 60; t++) feed(watch, batches[t]!, t);
    const more = FleetWatch.restore(
      {
        ...options,
        devices: devices + 3,
        groups: [...groups, { attribute: 'version', value: 'v2', members: [0, 1, 12, 13] }],
      },
      watch.save(),
    );
    const alarms: Alarm[] = [];
    for (let t = 60; t < rounds; t++) {
      for (const device of [12, 13, 14])
        more.observe(t, device, [1 + (device === 14 && t > 75 ? 2 : 0), 0], [0.01, 0.01]);
      alarms.push(...feed(more, batches[t]!, t));
    }
    const found = alarms.filter(({ level }) => level === 'device').map(({ index }) => index);
    expect(found).toContain(3);
    expect(found).toContain(14);
    // Its first windows are far from its group, which is what a device may be.
    expect(found).not.toContain(12);
    expect(found).not.toContain(13);
  });

  it('should refuse what was saved with other streams, rounds or more devices', () => {
    const bytes = new FleetWatch(options).save();
    for (const other of [
      { streams: streams.slice(1) },
      { healthyRounds: 50 },
      { watermark: 3 },
      { devices: devices - 1 },
    ])
      expect(() => FleetWatch.restore({ ...options, groups: [], ...other }, bytes)).toThrow(
        expect.objectContaining({ code: 'quality.state-unusable' }),
      );
  });

  it('should refuse bytes that are cut short or of another version', () => {
    const bytes = packState({ facts: { a: 1 }, arrays: { x: Float64Array.of(1, NaN, Infinity) } });
    expect(unpackState(bytes)).toEqual({ facts: { a: 1 }, arrays: { x: Float64Array.of(1, NaN, Infinity) } });
    for (const bad of [bytes.subarray(0, 2), bytes.subarray(0, 20), bytes.subarray(0, bytes.length - 8)])
      expect(() => unpackState(bad)).toThrow(expect.objectContaining({ code: 'quality.state-unusable' }));
    // A small Buffer lies in the middle of a pool.
    expect(unpackState(Buffer.from(bytes)).arrays['x']).toEqual(Float64Array.of(1, NaN, Infinity));
    expect(() => unpackState(bytes.map((byte, i) => (i === 6 ? 0 : byte)))).toThrow(/it is no state/u);
    const other = new TextDecoder('latin1').decode(bytes).replace('"version":1', '"version":0');
    expect(() => unpackState(Uint8Array.from(other, (c) => c.charCodeAt(0)))).toThrow(/version 0/u);
  });
});

describe('an incident', () => {
  const shifted = (isBack: (round: number) => boolean): FleetWatch => {
    const random = new Random(3);
    const watch = new FleetWatch(options);
    for (let t = 0; t < 90; t++) {
      for (let j = 0; j < devices; j++)
        watch.observe(
          t,
          j,
          [(j === 5 && t >= 55 && !isBack(t) ? 1 : 0) + 0.1 * random.normal(), 0],
          [0.01, 0.01],
        );
      for (const { index, level } of watch.close(t)) if (level === 'device') watch.suspend([index]);
    }
    return watch;
  };

  it('should be as far from the own mean as it is, however long it lasts', () => {
    const watch = shifted(() => false);
    expect(watch.isSuspended(5)).toBe(true);
    expect(watch.restOf(5, 0)).toBeGreaterThan(0.6);
    expect(shifted((t) => t >= 70).restOf(5, 0)).toBeLessThan(0.4);
  });

  it('should not come again at once when a person takes it for healthy', () => {
    const watch = shifted(() => false);
    watch.resolve(5);
    const random = new Random(4);
    for (let t = 90; t < 130; t++) {
      for (let j = 0; j < devices; j++)
        watch.observe(t, j, [(j === 5 ? 1 : 0) + 0.1 * random.normal(), 0], [0.01, 0.01]);
      expect(watch.close(t).filter(({ index, level }) => level === 'device' && index === 5)).toEqual([]);
    }
  });

  it('should not go on with what the fleet did before more than half of it was set aside', () => {
    const random = new Random(3);
    const watch = new FleetWatch(options);
    const run = (from: number, to: number) => {
      const alarms: Alarm[] = [];
      for (let t = from; t < to; t++) {
        for (let j = 0; j < devices; j++)
          watch.observe(t, j, [(t >= 55 ? 1 : 0) + 0.1 * random.normal(), 0], [0.01, 0.01]);
        alarms.push(...watch.close(t));
      }
      return alarms;
    };
    run(0, 56);
    expect(watch.fleetRestOf(0)).toBeGreaterThan(0.6);
    watch.suspendFleet(0);
    watch.suspend(Array.from({ length: 7 }, (_, j) => j));
    run(56, 58);
    expect(watch.fleetRestOf(0)).toBeUndefined();
    const incident = { number: 1, subject: 'everyone', stream: 0, shift: 1, devices: [], openedRound: 55 };
    expect(isCalm(watch, { ...incident, scope: 'everyone', against: 'own' })).toBeUndefined();
    watch.resolveFleet(0, 1);
    for (const j of [0, 1, 2, 3, 4, 5, 6]) watch.resolve(j);
    expect(run(58, 80).filter(({ level }) => level === 'fleet')).toEqual([]);
    expect(watch.fleetRestOf(0)).toEqual(expect.any(Number));
  });
});
