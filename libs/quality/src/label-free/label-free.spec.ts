import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Random } from '../statistics/random.js';
import { calibrationMap, chanceInterval } from './calibration-map.js';
import { estimateAccuracy, type AccuracyWindow } from './estimate.js';
import { atcOfHistogram, cbpeOfHistogram, docOfHistogram } from './estimators.js';
import { LabelTrickle } from './label-trickle.js';
import { poolEstimates } from './pool.js';

const bins = 8;
/** Two classes; confidence falls with the bin, chance .55 to .97. */
const chanceOf = (bin: number) => 0.55 + 0.06 * bin;
function world(random: Random, n: number, { easier = 0, drop = 0 } = {}) {
  const [total, correct] = [new Float64Array(2 * bins), new Float64Array(2 * bins)];
  const feature = { total: new Float64Array(16), correct: new Float64Array(16) };
  for (let i = 0; i < n; i++) {
    const bin = Math.min(bins - 1, Math.floor(bins * random.uniform() ** (1 - easier)));
    const cell = bins * Number(random.uniform() < 0.4) + bin;
    const at = Math.floor(16 * random.uniform());
    const isRight = Number(random.uniform() < chanceOf(bin) - drop);
    total[cell]!++;
    correct[cell]! += isRight;
    feature.total[at]!++;
    feature.correct[at]! += isRight;
  }
  const window: AccuracyWindow = { classes: total, features: [feature.total] };
  return {
    total,
    correct,
    feature: { name: 'x', ...feature },
    window,
    accuracy: correct.reduce((a, b) => a + b) / n,
  };
}
const validated = (random: Random, n = 3_000) => {
  const { total, correct, feature } = world(random, n);
  return { map: calibrationMap({ classes: 2, bins, total, correct }), references: [feature] };
};

describe('the calibration map', () => {
  it('should know a cell with 30 by itself and pool one with 29', () => {
    const total = [30, 29, 200, 0];
    const correct = [15, 29, 100, 0];
    const map = calibrationMap({ classes: 2, bins: 2, total, correct });
    expect(map.chance[0]).toBeCloseTo(0.5, 6);
    // Bin 1 of both classes has 29; with its neighbour 259.
    expect(map.chance[1]).toBeCloseTo(144.5 / 260, 6);
    expect(map.pool[1]).toBe(map.pool[3]);
    expect(map.pool[0]).not.toBe(map.pool[2]);
    const { low, high } = chanceInterval(map, 0);
    expect(low).toBeCloseTo(0.328, 2);
    expect(high).toBeCloseTo(0.672, 2);
  });

  it('should refuse counts of another shape', () => {
    expect(() => calibrationMap({ classes: 2, bins: 2, total: [1], correct: [1] })).toThrow(
      expect.objectContaining({ code: 'quality.option-invalid' }),
    );
  });
});

describe('accuracy without labels', () => {
  it('should be covered by its interval when nothing has changed, and be answered', () => {
    const random = new Random(3);
    let [covered, answered] = [0, 0];
    const runs = 100;
    for (let run = 0; run < runs; run++) {
      const { map, references } = validated(random, 1_500);
      const { window, accuracy } = world(random, 500);
      const estimate = estimateAccuracy(map, references, window);
      if (estimate.abstains) continue;
      answered++;
      if (accuracy >= estimate.low && accuracy <= estimate.high) covered++;
    }
    expect(answered).toBeGreaterThanOrEqual(90);
    expect(covered / answered).toBeGreaterThan(0.9);
  });

  it('should follow confidences that shift, all estimators alike', () => {
    const random = new Random(4);
    const { map } = validated(random, 20_000);
    const { window, accuracy } = world(random, 20_000, { easier: 0.3 });
    expect(accuracy).toBeGreaterThan(map.accuracy + 0.02);
    expect(Math.abs(cbpeOfHistogram(map, window.classes) - accuracy)).toBeLessThan(0.01);
    for (const estimate of [atcOfHistogram, docOfHistogram])
      expect(estimate(map, window.classes)).toBeGreaterThan(map.accuracy);
  });

  it('should abstain, and say why', () => {
    const random = new Random(5);
    const { map, references } = validated(random);
    const { window } = world(random, 500);
    const reason = (...args: Parameters<typeof estimateAccuracy>) =>
      estimateAccuracy(...args).abstains?.reason;
    expect(reason(null, [], window)).toBe('no-validation-data');
    expect(reason(validated(random, 199).map, references, window)).toBe('no-validation-data');
    expect(reason(map, references, world(random, 49).window)).toBe('too-few-predictions');
    const certain = new Float64Array(16);
    certain[7] = 500;
    expect(reason(map, references, { ...window, classes: certain })).toBe('confidences-moved');
    const elsewhere = new Float64Array(16);
    elsewhere[15] = 500;
    expect(reason(map, references, { ...window, features: [elsewhere] })).toBe('inputs-moved');
    expect(reason(map, references, window, { widest: 0.001 })).toBe('interval-too-wide');
    expect(estimateAccuracy(map, references, { ...window, features: [elsewhere] }).abstains!.words).toContain(
      'x moved',
    );
  });
});

describe('accuracy with a few labels', () => {
  const twenty = (random: Random, accuracy: number) =>
    Array.from({ length: 20 }, () => ({ correct: random.uniform() < accuracy, chance: 0.8, stratum: 0 }));

  it('should cover a level that stays, tighter than twenty labels alone, and follow one that falls', () => {
    const random = new Random(6);
    let [covered, windows, width] = [0, 0, 0];
    for (let run = 0; run < 20; run++) {
      const trickle = new LabelTrickle(0.8);
      for (let t = 0; t < 30; t++) {
        const truth = t < 15 ? 0.8 : 0.45;
        const { low, high } = trickle.add({ estimate: 0.8, n: 1_000, labels: twenty(random, truth) });
        // The window of the fall itself is the hardest.
        if (t === 15) continue;
        windows++;
        width += high - low;
        if (truth >= low && truth <= high) covered++;
      }
    }
    expect(covered / windows).toBeGreaterThan(0.85);
    // Alone: 2 x 1.645 x sqrt(.2 / 20) = .33.
    expect(width / windows).toBeLessThan(0.27);
  });

  it('should make of labels that are alike what it makes of each by itself', () => {
    const cell = fc.record({
      correct: fc.boolean(),
      chance: fc.double({ min: 0, max: 1, noNaN: true }),
      stratum: fc.integer({ min: 0, max: 3 }),
      times: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.record({ estimate: fc.constantFrom(0.7, 0.9, NaN), labels: fc.array(cell) })),
        (windows) => {
          const [counted, single] = [new LabelTrickle(0.8), new LabelTrickle(0.8)];
          for (const { estimate, labels } of windows) {
            const one = single.add({
              ...{ estimate, n: 1_000 },
              labels: labels.flatMap(({ times, ...label }) => new Array<typeof label>(times).fill(label)),
            });
            const all = counted.add({ estimate, n: 1_000, labels });
            expect(all.seen).toBe(one.seen);
            for (const key of ['value', 'low', 'high', 'lambda'] as const)
              expect(all[key]).toBeCloseTo(one[key], 9);
          }
        },
      ),
    );
  });

  it('should widen without labels', () => {
    const trickle = new LabelTrickle(0.8);
    const random = new Random(7);
    const with20 = trickle.add({ estimate: 0.8, n: 1_000, labels: twenty(random, 0.8) });
    let without = with20;
    for (let t = 0; t < 5; t++) without = trickle.add({ estimate: 0.8, n: 1_000, labels: [] });
    expect(without.high - without.low).toBeGreaterThan(with20.high - with20.low);
  });
});

describe('poolEstimates', () => {
  it('should shrink devices that differ by noise alone to their group, and leave others apart', () => {
    const noise = Array.from({ length: 20 }, (_, i) => ({
      value: 0.8 + 0.01 * ((i % 3) - 1),
      variance: 0.001,
    }));
    const alike = poolEstimates(noise);
    expect(alike.between).toBe(0);
    for (const { value } of alike.devices) expect(value).toBeCloseTo(alike.value, 9);
    const different = poolEstimates(noise.map((one, i) => ({ ...one, value: i % 2 === 0 ? 0.5 : 0.9 })));
    expect(different.between).toBeCloseTo(0.041, 2);
    expect(different.devices[0]!.value).toBeCloseTo(0.505, 2);
  });
});
