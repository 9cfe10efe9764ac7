/** Power cuts and lost networks of devices while rollouts run: none ends on a mixture, none is counted wrongly. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BadWire, type WireManners } from '@tinyfleet/simulator';
import type { SeededRelease } from '../../test/fleet-harness.js';
import { account, countsOf, me, reaches, rollOut, runs, stateOf } from '../../test/bad-days/account.js';
import { BadDay, type Group } from '../../test/bad-days/world.js';

const minute = 60_000;
const hour = 60 * minute;

describe('a rollout', () => {
  let day: BadDay;
  let v2: SeededRelease;
  const wires: BadWire[] = [];

  beforeAll(async () => {
    day = await BadDay.begin({ pollMs: 10 * minute });
    v2 = await day.release('v2');
  });
  afterEach(async () => {
    await day.clear();
    await Promise.all(wires.splice(0).map((wire) => wire.close()));
  });
  afterAll(async () => {
    await day?.end();
    expect(day.harness.errors).toEqual([]);
  });
  const start = async (group: Group, policy: object): Promise<number> =>
    await rollOut(day, group.filter, policy, v2);
  /** At every moment a device runs one release or the other, whole. */
  async function watch(group: Group, number: number): Promise<void> {
    const mixed: string[] = [];
    await day.until(async () => {
      for (const device of group.devices)
        if (device.rebootCause === null && !runs(device, day.base) && !runs(device, v2))
          mixed.push(device.name);
      return (await stateOf(day, number)) === 'succeeded';
    }, 6 * hour);
    expect(mixed).toEqual([]);
  }
  const whole = (devices: number) => ({
    state: 'succeeded',
    reason: new RegExp(`${devices} of ${devices} devices verified active`),
    counts: { active: devices },
    to: v2,
    exposed: devices,
    decisions: [
      ['started', /in 2 steps/],
      ['next-step', /devices verified active/],
      ['end', /devices verified active/],
    ] as const,
  });

  it('to devices whose power fails inside flash operations, again and again', async () => {
    const cut = (at: number, every: number, operations: number, part: string): string =>
      `  - { at: ${at}s, every: ${every}s, devices: 50%, powerCut: { afterOperations: ${operations}, part: ${part} } }`;
    const group = await day.fleet({
      devices: 8,
      scenario: [
        'inference: { period: 20s }',
        'events:',
        cut(2, 1, 7, '50%'),
        cut(5, 3, 3, '20%'),
        cut(9, 11, 9, '90%'),
        cut(3, 13, 17, '0%'),
      ].join('\n'),
    });
    let cuts = 0;
    const { report } = group.fleet;
    Object.assign(group.fleet, {
      report: (one: { event: string }) => {
        if (one.event === 'reboot') cuts++;
        report(one);
      },
    });
    const number = await start(group, {
      steps: [{ percent: 50, soakSeconds: 60 }, 100],
      maxFailurePercent: 0,
    });
    await watch(group, number);
    expect(cuts).toBeGreaterThan(0);
    await account(day, number, group, whole(8));
  });

  it('to devices on wires that split, delay, fall silent and break', async () => {
    const manners: WireManners[] = [
      { isByteByByte: true },
      { latencyMs: 600 },
      { silentAfter: { bytes: 1_500, times: 1 } },
      { resetAfter: { bytes: 1_200, times: 4 } },
      { latencyMs: 200, silentAfter: { bytes: 2_500, times: 1 }, resetAfter: { bytes: 1_800, times: 3 } },
    ];
    const group = await day.fleet({
      devices: manners.length,
      scenario: 'inference: { period: 1m }',
      wire: async (name) => {
        const wire = new BadWire(
          () => ({ host: '127.0.0.1', port: day.harness.port }),
          manners[Number(name.split('-')[1]!.split('.')[0])]!,
        );
        wires.push(wire);
        return await wire.listen();
      },
    });
    const number = await start(group, {
      steps: [{ percent: 40, soakSeconds: 60 }, 100],
      deviceTimeoutSeconds: 3_600,
    });
    await watch(group, number);
    expect(wires.reduce((sum, { traffic }) => sum + traffic.silences, 0)).toBeGreaterThan(0);
    expect(wires.reduce((sum, { traffic }) => sum + traffic.resets, 0)).toBeGreaterThan(3);
    await account(day, number, group, whole(manners.length));
  });

  it('that goes back while the power fails', async () => {
    const group = await day.fleet({
      devices: 6,
      scenario:
        'inference: { period: 20s }\nevents: [{ at: 3m, every: 7s, devices: 50%, powerCut: { afterOperations: 1, part: 30% } }]',
    });
    const number = await start(group, { steps: [{ percent: 50, soakSeconds: 3_600 }, 100] });
    await day.until(async () => (await countsOf(day, number)).active === 3, 10 * minute);
    await day.harness.operator.rollBack(me, day.harness.scope, number, { reason: 'too slow' });
    await reaches(day, number, 'rolled-back', 2 * hour);
    await account(day, number, group, {
      ...whole(6),
      ...{
        state: 'rolled-back',
        reason: /3 devices are back/,
        counts: { aborted: 3, returned: 3 },
        exposed: 3,
      },
      decisions: [
        ['started', /in 2 steps/],
        ['roll-back', /too slow/],
        ['end', /3 devices are back/],
      ],
    });
  });
});
