import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { adjustedP, averageE, shiftEvidence } from '../drift/false-discovery.js';
import { FleetWatch, type Alarm, type Standing } from '../drift/fleet-watch.js';
import { parseBudget } from '../drift/page-budget.js';
import { Random } from '../statistics/random.js';
import { groupsOf } from './fleet.js';
import { coveredBy, discoveryRates, findIncidents, standingsOf, type OpenIncident } from './incidents.js';

const standing = (level: Alarm['level'], index: number, stream: number): Standing => {
  const seed = (level.length * 7 + index * 31 + stream * 17) % 23;
  return { windows: seed % 5, shift: seed / 10 - 1, score: seed % 5 === 0 ? 0 : seed - 11 };
};
const watch = { standing };

/** By looking through all alarms for each device and stream: what the maps have to answer, too. */
const find = (alarms: readonly Alarm[], level: Alarm['level'], index: number, stream: number) =>
  alarms.find((one) => one.level === level && one.index === index && one.stream === stream);
function slowRates(devices: number, streams: number, alarms: readonly Alarm[]): Float64Array {
  return adjustedP(
    Array.from({ length: devices }, (_, j) => {
      const evidence = Array.from({ length: streams }, (__, s) => {
        const alarm = find(alarms, 'device', j, s);
        const { windows, score } = alarm
          ? { windows: alarm.windows, score: alarm.meanScore * Math.sqrt(alarm.windows) }
          : standing('device', j, s);
        return shiftEvidence(score * Math.sqrt(windows), windows);
      });
      return Math.min(1, 1 / averageE(evidence));
    }),
  );
}
function slowStandings(
  isFleet: boolean,
  devices: readonly number[],
  alarms: readonly Alarm[],
  streams: number,
): Standing[] {
  const of = (level: Alarm['level'], index: number, s: number): Standing => {
    const alarm = find(alarms, level, index, s);
    if (!alarm) return standing(level, index, s);
    return { windows: alarm.windows, shift: alarm.shift, score: alarm.meanScore * Math.sqrt(alarm.windows) };
  };
  return Array.from({ length: streams }, (_, s) => {
    if (isFleet) return of('fleet', 0, s);
    const all = devices.map((j) => of('device', j, s)).filter(({ windows }) => windows > 0);
    if (all.length === 0) return { windows: 0, shift: 0, score: 0 };
    const mean = (pick: (one: Standing) => number) =>
      all.reduce((sum, one) => sum + pick(one), 0) / Math.max(1, devices.length);
    return {
      windows: Math.max(...all.map(({ windows }) => windows)),
      shift: mean(({ shift }) => shift),
      score: mean(({ score }) => score) * Math.sqrt(devices.length),
    };
  });
}

describe('what is known of devices when some alarm', () => {
  const devices = 12;
  const streams = 4;
  const alarm = fc.record({
    round: fc.constant(9),
    level: fc.constantFrom<Alarm['level']>('device', 'device', 'group', 'fleet'),
    index: fc.nat(devices - 1),
    stream: fc.nat(streams - 1),
    windows: fc.integer({ min: 1, max: 9 }),
    shift: fc.double({ min: -3, max: 3, noNaN: true }),
    meanScore: fc.double({ min: -5, max: 5, noNaN: true }),
  });
  const alarms = fc.array(alarm, { maxLength: 30 });

  it('should rank devices as looking through all alarms does', () => {
    fc.assert(
      fc.property(alarms, (given) => {
        expect(discoveryRates(watch, devices, streams, given)).toEqual(slowRates(devices, streams, given));
      }),
    );
  });

  it('should stand as looking through all alarms says', () => {
    fc.assert(
      fc.property(alarms, fc.uniqueArray(fc.nat(devices - 1)), fc.boolean(), (given, who, isFleet) => {
        const scope = { kind: isFleet ? ('everyone' as const) : ('attribute' as const) };
        const those = isFleet ? [] : who;
        expect(standingsOf(watch, scope, those, { alarms: given, streams })).toEqual(
          slowStandings(isFleet, those, given, streams),
        );
      }),
    );
  });
});

describe('who is concerned', () => {
  /** 24 devices at two sites; batches of six in turn; every other one runs 1.1.0. */
  const attributes = Array.from({ length: 24 }, (_, j) => ({
    site: j < 12 ? 'a' : 'b',
    batch: `b${j % 4}`,
    version: Math.floor(j / 4) % 2 === 0 ? 'kws@1.0.0' : 'kws@1.1.0',
    hall: j < 18 ? 'most' : 'few',
    type: j > 1 ? 'm4' : 'm0',
  }));
  const everybody = attributes.map((_, j) => j);
  /** What is told when these shift by half an observation's standard deviation in round 60. */
  function toldOf(
    isShifted: (j: number) => boolean,
    isFarOff: (t: number, j: number) => boolean = () => false,
  ) {
    const random = new Random(11);
    const groups = groupsOf(attributes);
    const fleet = new FleetWatch({
      ...{ devices: 24, streams: [{ name: 'mean', leastShift: 0.25 }], groups, healthyRounds: 48 },
      budget: parseBudget('at most one false page a week'),
    });
    const open: OpenIncident[] = [];
    for (let t = 0; t < 90; t++) {
      for (const j of everybody) {
        const shift = isFarOff(t, j) ? 5 : t >= 60 && isShifted(j) ? 0.5 : 0;
        fleet.observe(t, j, [0.1 * j + shift + 0.1 * random.normal()], [0.01]);
      }
      const given = { attributes, groups, streams: 1, open, name: (j: number) => `device-${j}` };
      for (const found of findIncidents(fleet, fleet.close(t), given)) {
        const wider =
          open.find(({ subject }) => subject === found.subject) ?? coveredBy(found, open, attributes);
        fleet.suspend(found.devices);
        if (found.scope.kind === 'everyone' && found.devices.length === 0) fleet.suspendFleet(0);
        if (wider) continue;
        const { subject, stream, shift, devices, scope } = found;
        open.push({
          ...{ number: open.length, scope: scope.kind, subject, stream, shift, devices },
          ...{ against: 'own', openedRound: t },
        });
      }
    }
    return open;
  }

  it.each([
    ['one device', (j: number) => j === 7, 'device=device-7'],
    ['one batch', (j: number) => j % 4 === 2, 'batch=b2'],
    ['one site', (j: number) => j < 12, 'site=a'],
    ['one version', (j: number) => Math.floor(j / 4) % 2 === 1, 'version=kws@1.1.0'],
    ['a site of most devices', (j: number) => j % 24 < 18, 'hall=most'],
    ['a site of all devices but two', (j: number) => j > 1, 'type=m4'],
    ['everyone', () => true, 'everyone'],
  ])('should be %s', (_, isShifted, subject) => {
    const told = toldOf(isShifted);
    expect(told.map((one) => one.subject)).toEqual([subject]);
    expect(told[0]!.openedRound).toBeLessThan(66);
    expect(Math.abs(told[0]!.shift - 0.5)).toBeLessThan(0.2);
  });

  it.each([
    ['before', 50],
    ['in the same round', 60],
  ])('should be everyone, and not the two that are far off since %s', (_, since) => {
    const told = toldOf(
      () => true,
      (t, j) => t >= since && j < 2,
    );
    const wide = told.filter(({ scope }) => scope !== 'device');
    expect(wide.map(({ subject, devices }) => [subject, devices])).toContainEqual(['everyone', []]);
    expect(wide.filter(({ openedRound }) => openedRound >= 60)).toHaveLength(1);
  });
});
