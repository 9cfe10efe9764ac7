/** Bad days by the model: what the self-test does not see, gates and the attempt record do. Real firmware, hours in seconds. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SeededRelease } from '../../test/fleet-harness.js';
import { account, reaches, type Expected } from '../../test/bad-days/account.js';
import { BadDay, type FleetOptions } from '../../test/bad-days/world.js';

const hour = 3_600_000;
const minute = 60_000;
type Policy = Omit<Parameters<BadDay['harness']['rollouts']['start']>[2], 'release' | 'filter'>;

interface Case {
  readonly name: string;
  readonly fleet: FleetOptions;
  readonly model?: 'v2' | 'v3' | 'v2 with a short soak';
  readonly policy: Policy;
  readonly within: number;
  readonly expected: Omit<Expected, 'to' | 'decisions'> & { readonly decisions: [string, RegExp][] };
}

const cases: Case[] = [
  {
    name: 'that crashes the device in a loop, and stop at its canaries',
    fleet: {
      devices: 6,
      scenario:
        'inference: { period: 10s }\nevents: [{ at: 0s, badModel: { reset: fault, afterInferences: 2 } }]',
    },
    policy: { steps: [{ count: 2, soakSeconds: 3_600 }, 100] },
    within: 3 * hour,
    expected: {
      state: 'paused',
      reason: /of 2 devices failed/,
      counts: { reverted: 2, waiting: 4 },
      exposed: 2,
      decisions: [
        ['started', /in 2 steps/],
        ['pause', /of 2 devices failed/],
      ],
    },
  },
  {
    name: 'that crashes the device now and then, so that it seems healthy in between',
    fleet: {
      devices: 8,
      scenario:
        'inference: { period: 4m }\nevents: [{ at: 0s, badModel: { reset: fault, afterInferences: 20 } }]',
    },
    policy: {
      steps: [{ percent: 100, soakSeconds: 3_600, maxSoakSeconds: 8 * 3_600 }],
      holdBackPercent: 50,
      gates: { gates: [{ kind: 'resets', passFromDevices: 4 }], windowSeconds: 1_800 },
      onUndecided: 'rollback',
    },
    within: 12 * hour,
    expected: {
      state: 'rolled-back',
      reason: /4 devices are back/,
      counts: { control: 4, returned: 4 },
      exposed: 4,
      decisions: [
        ['started', /in 1 steps?/],
        ['roll-back', /resets/],
        ['end', /4 devices are back/],
      ],
    },
  },
  {
    name: 'that hangs until the watchdog, and go back by itself',
    fleet: {
      devices: 8,
      scenario:
        'inference: { period: 10s }\nevents: [{ at: 0s, devices: 75%, badModel: { reset: watchdog } }]',
    },
    policy: {
      seed: 'seven',
      steps: [{ percent: 50, soakSeconds: 3_600 }, 100],
      onFailure: 'rollback',
      maxFailurePercent: 40,
    },
    within: 3 * hour,
    expected: {
      state: 'rolled-back',
      counts: { aborted: 4, returned: 2, reverted: 2 },
      exposed: 4,
      decisions: [
        ['started', /in 2 steps/],
        ['roll-back', /failed/],
        ['end', /back on the version before/],
      ],
    },
  },
  {
    name: 'that passes its self-test and is wrong on real inputs',
    fleet: {
      devices: 12,
      scenario:
        'inference: { period: 10s }\nsensors: [{ kind: vibration, episode: 5m, mix: { normal: 0.4, bearing: 0.6 } }]',
    },
    model: 'v3',
    policy: {
      steps: [{ percent: 100, soakSeconds: 12 * 3_600 }],
      holdBackPercent: 50,
      gates: { gates: [{ kind: 'class-mix', margin: 10, passFromDevices: 4 }], windowSeconds: 600 },
      onFailure: 'rollback',
    },
    within: 12 * hour,
    expected: {
      state: 'rolled-back',
      reason: /6 devices are back/,
      counts: { control: 6, returned: 6 },
      exposed: 6,
      decisions: [
        ['started', /in 1 steps?/],
        ['roll-back', /class/],
        ['end', /6 devices are back/],
      ],
    },
  },
  {
    name: 'that is fine on one device type and bad on another, and take back that type alone',
    fleet: {
      devices: { wasm: 4, 'wasm-b': 8 },
      scenario:
        'inference: { period: 10s }\nevents: [{ at: 0s, devices: ["wasm-b-*"], badModel: { reset: fault, afterInferences: 4 } }]',
    },
    model: 'v2 with a short soak',
    policy: {
      steps: [{ percent: 100, soakSeconds: 1_200, maxSoakSeconds: 3_600 }],
      onUndecided: 'continue',
      holdBackPercent: 25,
      maxFailurePercent: 100,
      gates: { gates: [{ kind: 'install-success', passFromDevices: 2 }], windowSeconds: 600 },
      onFailure: 'rollback-segment',
    },
    within: 2 * hour,
    expected: {
      state: 'succeeded',
      counts: { active: 3, control: 3, reverted: 6 },
      exposed: 9,
      decisions: [
        ['started', /in 1 step/],
        ['roll-back-segment', /only type wasm-b fails/],
        ['end', /3 of/],
      ],
    },
  },
  {
    name: 'that drains the battery',
    fleet: {
      devices: 12,
      scenario:
        'inference: { period: 10m }\nbattery: { start: 90%, perDay: 2% }\nevents: [{ at: 0s, badModel: { drain: 60% } }]',
    },
    policy: {
      steps: [{ percent: 100, soakSeconds: 12 * 3_600 }],
      holdBackPercent: 50,
      gates: { gates: [{ kind: 'energy', passFromDevices: 4 }], windowSeconds: 3_600 },
      onFailure: 'rollback',
    },
    within: 24 * hour,
    expected: {
      state: 'rolled-back',
      reason: /6 devices are back/,
      counts: { control: 6, returned: 6 },
      exposed: 6,
      decisions: [
        ['started', /in 1 steps?/],
        ['roll-back', /battery/],
        ['end', /6 devices are back/],
      ],
    },
  },
];

describe('a rollout of a model', () => {
  let day: BadDay;
  const releases = new Map<string, SeededRelease>();

  beforeAll(async () => {
    day = await BadDay.begin();
    for (const model of ['v2', 'v3'] as const) releases.set(model, await day.release(model, { soakS: 600 }));
    releases.set('v2 with a short soak', await day.release('v2', { soakS: 100 }));
  });
  afterEach(() => day.clear());
  afterAll(async () => {
    await day?.end();
    expect(day.harness.errors).toEqual([]);
  });

  it.each(cases)('should survive one $name', async ({ fleet, model = 'v2', policy, within, expected }) => {
    const { rollouts, scope } = day.harness;
    const to = releases.get(model)!;
    const group = await day.fleet(fleet);
    await day.pass(10 * minute);
    const { number } = await rollouts.start('person:me', scope, {
      ...policy,
      release: to.ref,
      filter: group.filter,
    });
    await reaches(day, number, expected.state, within);
    // Those that were under way then.
    await day.pass(10 * minute);
    await account(day, number, group, { ...expected, to });
  });
});
