import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import { actionsOf } from '../alerts/life.js';
import { groupsOf } from './fleet.js';
import { learnReference, streamsOf, valuesOf, type RoundSums } from './reference.js';
import { deviceRounds } from './rounds.js';
import { binomialTail, findSilence } from './silence.js';

const random = new Random(3);
const n = 200;
function window(mean = 0, sd = 1, stuck = 0): RoundSums {
  const values = Array.from({ length: n }, () => Math.round(100 * (mean + sd * random.normal())));
  const first = Array.from({ length: n }, () => random.uniform()).filter((u) => u < 0.7).length;
  return {
    n,
    classes: [0, first, n - first, 0],
    ood: null,
    features: [
      { n, sum: values.reduce((a, b) => a + b, 0), sumSquares: values.reduce((a, b) => a + b * b, 0) },
    ],
    counters: [0, stuck, 0, 0],
  };
}
const shape = { bins: 2, labels: ['no', 'yes'], presence: 1 };

describe('the reference of a watch', () => {
  // Devices differ in their means; an observation is measured by what it does within a window.
  const reference = learnReference(
    Array.from({ length: 60 }, (_, i) => window(i % 6)),
    shape,
  );
  const of = (sums: RoundSums, name: string) => {
    const at = streamsOf(reference).findIndex((one) => one.name === name);
    const { values, variances } = valuesOf(reference, sums);
    return { value: values[at]!, variance: variances[at]! };
  };

  it('should name each stream, of two classes one', () => {
    expect(streamsOf(reference).map(({ name }) => name)).toEqual([
      ...['share of yes', 'mean confidence', 'mean of feature 1', 'spread of feature 1'],
      ...['saturated', 'stuck', 'dropped', 'invalid'].map((counter) => `share of ${counter} inferences`),
    ]);
  });

  it('should measure means and spreads by what an observation does within windows', () => {
    const { value, variance } = of(window(3.5), 'mean of feature 1');
    expect(Math.abs(value - 1)).toBeLessThan(0.3);
    expect(variance).toBeCloseTo(1 / n, 12);
    // The cube root of a variance that is twice as large, less one.
    expect(
      Math.abs(of(window(0, Math.SQRT2), 'spread of feature 1').value - (Math.cbrt(2) - 1)),
    ).toBeLessThan(0.1);
  });

  it('should give a counter that stood at none a variance', () => {
    const { value, variance } = of(window(0, 1, 20), 'share of stuck inferences');
    expect(value).toBeCloseTo(0.1, 12);
    expect(variance).toBeGreaterThan(0);
  });

  it('should take nothing from a window of too few inferences', () => {
    const none = { ...window(), n: 4, features: [{ n: 4, sum: 0, sumSquares: 0 }] };
    expect(of(none, 'share of yes').value).toBeNaN();
    expect(of(none, 'mean of feature 1').value).toBeNaN();
    expect(of({ ...none, n: 5 }, 'share of yes').value).not.toBeNaN();
  });
});

describe('rounds', () => {
  it('should add the windows of a device that begin in the same one, whatever their order', () => {
    const one = { ...window(), device: 'a', version: 'v1', receivedAtMs: 5 };
    const windows = [
      { ...one, atMs: 1_999 },
      { ...one, atMs: 1_000, version: 'v2', receivedAtMs: 9 },
      { ...one, atMs: 2_000, device: 'b' },
    ];
    const rounds = deviceRounds(windows, 1_000, 1_000);
    expect(
      rounds.map(({ round, device, sums, receivedAtMs }) => [round, device, sums.n, receivedAtMs]),
    ).toEqual([
      [0, 'a', 2 * n, 9],
      [1, 'b', n, 5],
    ]);
    const features = (given: typeof windows) => deviceRounds(given, 1_000, 1_000)[0]!.sums.features;
    expect(features([...windows].reverse())).toEqual(features(windows));
  });

  it('should take a window with fewer features than the one before it', () => {
    const one = { ...window(), device: 'a', version: 'v1', receivedAtMs: 5, atMs: 1_000 };
    const [round] = deviceRounds([one, { ...one, features: [] }], 1_000, 1_000);
    expect([round!.sums.n, round!.sums.features]).toEqual([2 * n, one.features]);
  });
});

describe('groups', () => {
  it('should be of three devices and more, and not all of them', () => {
    const attributes = Array.from({ length: 8 }, (_, j) => ({
      type: 'm4',
      site: j < 3 ? 'a' : 'b',
      batch: j < 2 ? 'x' : `y${j}`,
    }));
    expect(groupsOf(attributes)).toEqual([
      { attribute: 'site', value: 'b', members: [3, 4, 5, 6, 7] },
      { attribute: 'site', value: 'a', members: [0, 1, 2] },
    ]);
  });
});

describe('silence', () => {
  const attributes = Array.from({ length: 40 }, (_, j) => ({ site: j < 10 ? 'a' : 'b' }));
  const expected = attributes.map((_, j) => j);
  const of = (silent: number[], presence = 0.98) => findSilence(attributes, { expected, silent, presence });

  it('should be seen of the fleet and of a site', () => {
    expect(of(expected)?.scope.kind).toBe('everyone');
    const site = of(expected.slice(0, 10));
    expect(site?.scope).toMatchObject({
      kind: 'attribute',
      cause: { values: [{ attribute: 'site', value: 'a' }] },
    });
  });

  it('should not be said of some devices here and there, nor of a fleet that often misses rounds', () => {
    expect(of([1, 12])).toBeUndefined();
    expect(of([1, 12, 23, 34])).toBeUndefined();
    expect(of(expected.slice(0, 10), 0.5)).toBeUndefined();
  });

  it('should use the binomial law', () => {
    expect(binomialTail(2, 3, 0.5)).toBeCloseTo(0.5, 12);
    expect(binomialTail(0, 3, 0.1)).toBeCloseTo(1, 12);
  });
});

describe('rules', () => {
  const alert = { kind: 'drift', verdict: 'sensor', scope: 'device', severity: 'warning' } as const;
  it('should ask for what fits all that they name, each once', () => {
    const rules = [
      { verdict: 'sensor', severity: 'warning', actions: ['request-samples'] },
      { severity: 'warning', actions: ['request-samples', 'labelling-task'] },
      { scope: 'everyone', severity: 'warning', actions: ['roll-back'] },
      { severity: 'critical', actions: ['hold-rollout'] },
    ] as const;
    const given = rules.map((rule) => ({ ...rule, actions: [...rule.actions] }));
    expect(actionsOf(given, alert)).toEqual(['request-samples', 'labelling-task']);
    expect(actionsOf(given, { ...alert, severity: 'critical', scope: 'everyone' })).toEqual([
      ...['request-samples', 'labelling-task', 'roll-back', 'hold-rollout'],
    ]);
  });
});
