import { describe, expect, it } from '@jest/globals';
import { RolloutPolicy } from '@tinyfleet/contracts';
import fc from 'fast-check';
import { bucketOf, controlPercent, inOrder, place, stableHash, type Placed } from './plan.js';

const fleet = (n: number, of: (i: number) => Partial<Placed> = () => ({})): Placed[] =>
  Array.from({ length: n }, (_, i) => ({
    name: `demo-${String(i).padStart(3, '0')}`,
    type: 'wasm',
    site: '',
    firmware: '1.0.0',
    ...of(i),
  }));
const policy = (steps: unknown[], rest: object = {}) => RolloutPolicy.parse({ steps, ...rest });
const perStep = (placed: ReturnType<typeof place>): number[] =>
  placed.plan.map((_, step) => placed.placements.filter((one) => one.step === step).length);
const canaries = (placed: {
  placements: readonly { device: Placed; step: number | undefined }[];
}): string[] => placed.placements.filter(({ step }) => step === 0).map(({ device }) => device.name);

describe('place', () => {
  it('should give B its share of every type and leave the rest to A, asked one question until it is clear', () => {
    const ab = { percent: 40, metric: 'accuracy', margin: 2, minSeconds: 60, maxSeconds: 600 };
    const devices = fleet(100, (i) => ({ type: i % 4 === 0 ? 'm4' : 'm7' }));
    const { placements, plan } = place('r', devices, policy([100], { ab }));
    const b = placements.filter(({ step }) => step === 0).map(({ device }) => device.type);
    expect([b.length, b.filter((type) => type === 'm4').length]).toEqual([40, 10]);
    expect(plan).toMatchObject([
      { soakSeconds: 60, maxSoakSeconds: 600, gates: { gates: [{ kind: 'accuracy', margin: 2 }] } },
    ]);
    expect(controlPercent(policy([100], { ab }))).toBe(60);
  });

  it('should let a shadow take its time after the last device has begun', () => {
    const steps = [{ percent: 10, soakSeconds: 5 }, 100];
    const { plan } = place('r', fleet(50), policy(steps, { shadow: { seconds: 900 } }));
    expect(plan.map(({ soakSeconds }) => soakSeconds)).toEqual([5, 900]);
  });

  it('should let no gate be undecided for ever', () => {
    const gates = { gates: [{ kind: 'silence' }] };
    const steps = [
      { percent: 10 },
      { percent: 50, soakSeconds: 20 * 86_400 },
      { percent: 100, maxSoakSeconds: 60 },
    ];
    const longest = (asked: object) =>
      place('r', fleet(50), policy(steps, asked)).plan.map((one) => one.maxSoakSeconds);
    expect(longest({ gates, lastControlPercent: 0 })).toEqual([14 * 86_400, 40 * 86_400, 60]);
    expect(longest({})).toEqual([undefined, undefined, 60]);
  });

  it('should give each step its exact share', () => {
    expect(perStep(place('r', fleet(50), policy([10, 50, 100])))).toEqual([5, 20, 25]);
    expect(perStep(place('r', fleet(3), policy([1, 100])))).toEqual([1, 2]);
    expect(perStep(place('r', [], policy([10, 100])))).toEqual([0, 0]);
  });

  it('should take counts and groups of the target beside percents, each device once', () => {
    const steps = [{ count: 3 }, { group: 'pilot' }, { percent: 50 }, 100];
    const pilot = new Set(['demo-001', 'demo-002', 'elsewhere']);
    const placed = place('r', fleet(50), policy(steps), () => pilot);
    const inFirst = canaries(placed).filter((name) => pilot.has(name)).length;
    expect(perStep(placed)).toEqual([3, 2 - inFirst, 20 + inFirst, 25]);
    expect(placed.plan.map(({ limit }) => limit)).toEqual([3, 5 - inFirst, 25, 50]);
    expect(placed.plan[0]?.percent).toBe(6);
  });

  it('should place everybody the same on every evaluation, in any order', () => {
    const once = place('r', fleet(50), policy([10, 50, 100]));
    expect(place('r', fleet(50).reverse(), policy([10, 50, 100]))).toEqual(once);
  });

  it('should choose other canaries for another seed', () => {
    expect(canaries(place('a', fleet(50), policy([10, 100])))).not.toEqual(
      canaries(place('b', fleet(50), policy([10, 100]))),
    );
  });

  it('should hold back a share that no step admits', () => {
    const placed = place('r', fleet(100), policy([10, 100], { holdBackPercent: 5 }));
    expect(placed.placements.filter(({ step }) => step === undefined).length).toBe(5);
    expect(perStep(placed)).toEqual([10, 85]);
    expect(perStep(place('r', fleet(1), policy([100], { holdBackPercent: 50 })))).toEqual([1]);
  });

  it('should keep a control for the gates of the last step, and admit it when that has passed', () => {
    const gates = { gates: [{ kind: 'confidence' }] };
    const { plan } = place('r', fleet(100), policy([10, 100], { gates }));
    expect(plan.map(({ limit, gates: of }) => [limit, of !== undefined])).toEqual([
      [10, true],
      [95, true],
      [100, false],
    ]);
    const held = place('r', fleet(100), policy([10, 100], { gates, holdBackPercent: 5 }));
    expect(held.plan.map(({ limit }) => limit)).toEqual([10, 95]);
  });

  it('should have every stratum in every cohort in its proportion, to within one device', () => {
    const types = ['m0', 'm4', 'm7'];
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 5, max: 50 }), (seed, percent) => {
        const devices = fleet(120, (i) => ({ type: types[i % 3]!, site: i % 2 ? 'hall-1' : '' }));
        const placed = place(seed, devices, policy([percent, 100]));
        const strata = new Map<string, number>();
        for (const { device } of placed.placements.filter(({ step }) => step === 0)) {
          const key = `${device.type}/${device.site}`;
          strata.set(key, (strata.get(key) ?? 0) + 1);
        }
        for (const n of [...strata.values()])
          expect(Math.abs(n - (percent * 20) / 100)).toBeLessThanOrEqual(1.2);
        expect(strata.size).toBe(6);
      }),
      { numRuns: 50 },
    );
  });

  it('should not always give the first place to the same stratum', () => {
    const devices = fleet(20, (i) => ({ type: `t-${i % 4}` }));
    const first = new Set(Array.from({ length: 40 }, (_, i) => inOrder(`s${i}`, devices)[0]!.type));
    expect(first.size).toBe(4);
  });
});

describe('stableHash', () => {
  it('should never change: rollouts in progress depend on it', () => {
    expect([stableHash('demo-001'), stableHash('demo-002')]).toEqual([60705749, 648394792]);
  });

  it('should spread names that differ in their last character', () => {
    const buckets = fleet(1_000).map(({ name }) => Math.floor(bucketOf('r', name) / 1_000));
    for (let i = 0; i < 10; i++)
      expect(Math.abs(buckets.filter((b) => b === i).length - 100)).toBeLessThan(40);
  });
});
