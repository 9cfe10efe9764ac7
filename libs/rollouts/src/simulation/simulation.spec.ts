import { describe, expect, it } from '@jest/globals';
import { stopChances } from './chances.js';
import { Random } from '@tinyfleet/quality';
import { replayRollout, type ReplayPolicy } from './replay.js';
import { benchWorld, World, type VersionEffect } from './world.js';

const same: VersionEffect = { accuracy: 0, showsInConfidence: true, onlyType: null, deathsPerDay: 0 };
const policy: ReplayPolicy = {
  gates: {
    gates: (['install-failure', 'silence', 'confidence', 'accuracy'] as const).map((kind) => ({ kind })),
    alpha: 0.05,
    power: 0.95,
    windowSeconds: 300,
    warmUpSeconds: 0,
  },
  steps: [5, 100],
  controlPercent: 5,
  minSoakHours: 6,
  maxSoakHours: 48,
  controlSample: 100,
};
const replay = (effect: VersionEffect, seed: number) =>
  replayRollout(policy, { options: benchWorld, effect, seed });

describe('Random', () => {
  it('should give the moments of its laws, and the same numbers again', () => {
    const random = new Random(5);
    const draws = Array.from({ length: 20_000 }, () => random.normal());
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    const variance = draws.reduce((a, b) => a + b * b, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const [one, other] = [new Random(9), new Random(9)];
    expect(Array.from({ length: 9 }, () => one.uniform())).toEqual(
      Array.from({ length: 9 }, () => other.uniform()),
    );
  });
});

describe('World', () => {
  it('should draw hourly means with the variance of the windows they stand for', () => {
    const options = {
      ...benchWorld,
      devices: 1,
      betweenSd: 0,
      siteSd: 0,
      dailyAmplitude: 0,
      sleeperShare: 0,
      lapsesPerDay: 0,
      outageHours: 0,
      windowSd: 0.1,
      accuracy: 0,
    };
    const world = new World(options, same, 3);
    const hours = Array.from({ length: 20_000 }, (_, hour) => world.report(0, hour)!.confidence);
    const variance = hours.reduce((a, b) => a + b * b, 0) / hours.length;
    // Of the mean of 12 windows of an AR(1) process of .5, and of 1,200 confidences of sd .15.
    let windows = 12;
    for (let lag = 1; lag < 12; lag++) windows += 2 * (12 - lag) * 0.5 ** lag;
    expect(variance / ((0.01 * windows) / 144 + 0.0225 / 1_200)).toBeCloseTo(1, 1);
  });
});

describe('replayRollout', () => {
  it('should bring a good version to the whole fleet', () => {
    expect(replay(same, 1)).toMatchObject({ end: 'full', exposed: 1 });
  });

  it('should stop a version that is ten points worse at its canaries, and give the same answer again', () => {
    const bad = replay({ ...same, accuracy: -0.1 }, 2);
    expect(bad).toMatchObject({ end: 'failed', step: 0, exposed: 0.05, because: ['confidence'] });
    expect(replay({ ...same, accuracy: -0.1 }, 2)).toEqual(bad);
  });

  it('should go on undecided where the policy does', () => {
    const brief = { ...policy, steps: [2, 100], maxSoakHours: [6, 6], gatedSteps: [true, false] };
    const world = { options: benchWorld, effect: { ...same, accuracy: -0.04 }, seed: 4 };
    expect(replayRollout(brief, world)).toMatchObject({ end: 'paused', step: 0 });
    expect(replayRollout({ ...brief, goesOnUndecided: true }, world)).toMatchObject({ end: 'full' });
  });

  it('should stop a version that kills devices slowly', () => {
    const slow = replay({ ...same, deathsPerDay: 1 }, 3);
    expect(slow).toMatchObject({ end: 'failed', because: ['silence'] });
  });
});

describe('stopChances', () => {
  it('should tell a version that is stopped from one that is not', () => {
    const given = { effects: [same, { ...same, accuracy: -0.1 }], rollouts: 4, seed: 40 };
    const [good, bad] = stopChances(policy, { ...benchWorld, devices: 400 }, given);
    expect(good).toMatchObject({ stopped: 0, exposed: 1 });
    expect(bad).toMatchObject({ stopped: 1, exposed: 0.05, hours: null });
    expect(bad!.low).toBeLessThan(1);
  });
});
