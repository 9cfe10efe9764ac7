import { describe, expect, it } from '@jest/globals';
import { Random } from '@tinyfleet/quality';
import { profileOf, type DeviceDay, type FleetRecords } from './fleet-profile.js';
import { play, type PlayJob } from './play.js';
import type { ReplayPolicy } from './replay.js';
import { benchWorld } from './world.js';

const policy: ReplayPolicy = {
  gates: {
    gates: [{ kind: 'confidence' }],
    alpha: 0.05,
    power: 0.95,
    windowSeconds: 300,
    warmUpSeconds: 0,
  },
  steps: [10, 100],
  controlPercent: 10,
  minSoakHours: [6, 1],
  maxSoakHours: [48, 48],
  gatedSteps: [true, false],
  controlSample: 40,
};
const job: PlayJob = {
  policy,
  world: { ...benchWorld, devices: 200 },
  worseBy: [0, 20],
  rollouts: 10,
  seed: 7,
  budgetMs: 60_000,
};

describe('play', () => {
  it('should give the same answer for the same seed, and another for another', () => {
    const [good, bad] = play(job);
    expect(play(job)).toEqual([good, bad]);
    const unclear = { ...job, worseBy: [3] };
    expect(play({ ...unclear, seed: 1_000 })).not.toEqual(play(unclear));
    expect(good).toMatchObject({ stopped: 0, exposed: 1 });
    expect(good!.passedAt[0]).toBeGreaterThanOrEqual(6);
    // The last step has no gates: it passes after its soak.
    expect(good!.passedAt[1]! - good!.passedAt[0]!).toBe(1);
    expect(bad).toMatchObject({ stopped: 1, exposed: expect.closeTo(0.1), hours: null });
    expect(bad!.stopHours).toBeGreaterThan(0);
  });

  it('should end when its time is over, each loss with its part of it', () => {
    let clock = 0;
    const played = play({ ...job, budgetMs: 8 }, () => clock++);
    expect(played.map(({ rollouts }) => rollouts)).toEqual([4, 4]);
  });

  it('should stop a rollout whose installations fail too often, and not one at the limit', () => {
    const world = { ...job.world, installFailure: 1, installTimeout: 0, sleeperShare: 0 };
    const at = (maxFailurePercent: number) =>
      play({
        ...job,
        world,
        policy: { ...policy, gatedSteps: [false, false], maxFailurePercent },
        worseBy: [0],
      });
    expect(at(99)[0]).toMatchObject({ stopped: 1, exposed: expect.closeTo(0.1) });
    expect(at(100)[0]).toMatchObject({ stopped: 0 });
  });
});

describe('profileOf', () => {
  const records = (days: readonly DeviceDay[], changes: Partial<FleetRecords> = {}): FleetRecords => ({
    days,
    devices: 50,
    sleepers: 5,
    sleeperHours: 4,
    labels: 0,
    installs: { ended: 0, failed: 0, silent: 0 },
    ...changes,
  });
  const random = new Random(11);
  const days = Array.from({ length: 200 }, () => 0.8 + 0.05 * random.normal()).flatMap((own, i) =>
    Array.from({ length: 7 }, (_, day) => ({
      device: `d${i}`,
      site: '',
      windows: day === 0 ? 144 : 288,
      n: 14_400,
      // 288 windows of sd .1 that correlate by .5.
      confidence: own + 0.1 * Math.sqrt(3 / 288) * random.normal(),
    })),
  );

  it('should find level, spread, noise, rate and absences of the fleet that was recorded', () => {
    const { source, options } = profileOf(records(days), 300);
    expect(source).toBe('recorded');
    expect(options.accuracy).toBeCloseTo(0.8, 1);
    expect(options.betweenSd / 0.05).toBeCloseTo(1, 0);
    expect(options.windowSd / 0.1).toBeCloseTo(1, 0);
    expect(options.inferencesPerWindow).toBe(50);
    expect(options).toMatchObject({ sleeperShare: 0.1, sleeperHours: 4, windowMinutes: 5 });
    // Half of one day in seven.
    expect(options.lapsesPerDay).toBeCloseTo(24 / 14 / 1.5, 5);
  });

  it('should take installations from 20 on, and assume them below', () => {
    const installs = (ended: number) => ({ installs: { ended, failed: 2, silent: 0 } });
    expect(profileOf(records(days, installs(20)), 300).options.installFailure).toBe(0.1);
    expect(profileOf(records(days, installs(19)), 300).options.installFailure).toBe(
      benchWorld.installFailure,
    );
  });

  it('should assume a fleet, and say so, with fewer than five devices of two days', () => {
    const of = (devices: number) => records(days.filter(({ device }) => Number(device.slice(1)) < devices));
    expect(profileOf(of(5), 300).source).toBe('recorded');
    const { source, assumptions } = profileOf(of(4), 300);
    expect(source).toBe('simulated');
    expect(assumptions[0]).toContain('because 4 devices');
    expect(profileOf(undefined, 300).assumptions[0]).toContain('as was asked for');
  });
});
