import { describe, expect, it } from '@jest/globals';
import { projectScope } from '@tinyfleet/contracts';
import { calibrationCounts, comparable, type Baseline, type FeatureBaseline } from './baseline.js';
import { EstimateService, estimateDefaults } from './estimate-service.js';
import { aucOfCells } from './label-free/auc.js';
import { combineEstimates } from './label-free/combine.js';
import type { AccuracyEstimate } from './label-free/estimate.js';
import type { ConfusionCell, EstimateStore, LabelledCell, LabelledDevice, PredictionSums } from './ports.js';

const scope = projectScope('00000000-0000-7000-8000-000000000000', 'p');
const release = 'm@1.0.0';
const hourMs = 3_600_000;
const row = [0, 0, 0, 0, 100, 100, 100, 200];
const right = [0, 0, 0, 0, 55, 65, 80, 190];
const feature = (name: string): FeatureBaseline => ({
  ...{ name, edges: [], counts: new Array<number>(16).fill(10), correct: new Array<number>(16).fill(8) },
  ...{ n: 160, centre: 0, sum: 0, sumSquares: 0, min: 0, max: 1, scale: 1, zeroPoint: 0, classes: [] },
});
const baseline: Baseline = {
  ...{ samples: 1_000, accuracy: 0.78, histogram: [row, row], correct: [right, right], confusion: [] },
  ...{ features: [], ood: null },
};
const sums = (changes: Partial<PredictionSums & { atMs: number }> = {}) => ({
  ...{ release, schemaCrc: 7, confidenceBins: 8, n: 1_000, classes: [...row, ...row], featureCounts: null },
  ...{ ood: null, atMs: 0, ...changes },
});
const serviceOf = (
  parts: ReturnType<typeof sums>[],
  cells: LabelledCell[] = [],
  limits = estimateDefaults,
  labelled: { names: string[]; confusion: ConfusionCell[] } = { names: [], confusion: [] },
) =>
  new EstimateService(
    {
      predictions: () => Promise.resolve(parts),
      labelledCells: () => Promise.resolve(cells),
      confusion: () => Promise.resolve(labelled.confusion),
      askedLabels: () => Promise.resolve(0),
      versionOf: (_scope, release) => Promise.resolve({ classes: labelled.names, keptAs: release }),
      baselines: () => Promise.resolve([{ release, schemaCrc: 7, baseline }]),
    } as Partial<EstimateStore> as EstimateStore,
    () => 10 * hourMs,
    limits,
  );

describe('EstimateService', () => {
  it('should answer from predictions alone while nothing has moved', async () => {
    const { points } = await serviceOf([sums(), sums({ atMs: hourMs })]).series(scope, {});
    expect(points.map(({ basis, labels, abstains }) => ({ basis, labels, abstains }))).toEqual([
      { basis: 'predictions', labels: 0, abstains: null },
      { basis: 'predictions', labels: 0, abstains: null },
    ]);
    expect(points[0]!.value).toBeCloseTo(0.78, 2);
  });

  it('should abstain for a schema that no build has, and for fewer bins than divide its own', async () => {
    for (const other of [sums({ schemaCrc: 8 }), sums({ confidenceBins: 7 })]) {
      const { totals } = await serviceOf([other]).series(scope, {});
      expect(totals[0]).toMatchObject({ value: null, abstains: { reason: 'no-validation-data' } });
    }
  });

  it('should count the few wrong ones of each hour in the whole range', async () => {
    const sure = [0, 0, 0, 0, 0, 0, 0, 500];
    const hours = Array.from({ length: 600 }, (_, i) =>
      sums({ atMs: i * hourMs, classes: [...sure, ...sure] }),
    );
    // One of ten is wrong in every hour: 6,000 labels, of which a share is looked at.
    const cells = hours.map(({ atMs }): LabelledCell => {
      return { atMs, release, predicted: atMs % (2 * hourMs) === 0 ? 0 : 1, bin: 14, n: 10, correct: 9 };
    });
    const { totals } = await serviceOf(hours, cells).series(scope, {});
    expect(totals[0]!.basis).toBe('labels');
    expect(Math.abs(totals[0]!.value! - 0.9)).toBeLessThan(0.03);
  });

  it('should follow labels where they contradict the estimate, and not go back to it when there are no more', async () => {
    const hours = Array.from({ length: 8 }, (_, i) => sums({ atMs: i * hourMs }));
    // Half of 40 labels an hour are right; confidences look as ever.
    const cells = hours
      .slice(0, 6)
      .flatMap(({ atMs }) =>
        [0, 1].map((predicted): LabelledCell => ({ atMs, release, predicted, bin: 14, n: 20, correct: 10 })),
      );
    const { points } = await serviceOf(hours, cells).series(scope, {});
    expect(points[5]).toMatchObject({ basis: 'labels', labels: 40 });
    expect(points[5]!.value).toBeGreaterThan(0.42);
    expect(points[5]!.value).toBeLessThan(0.6);
    // What labels have disproved is not shown again, whether they still suffice or not.
    for (const { basis, value, abstains } of points.slice(6)) {
      if (basis === 'labels') expect(value).toBeLessThan(0.65);
      else expect([value, abstains?.reason]).toEqual([null, 'labels-disagree']);
    }
  });
});

describe('EstimateService within its limits', () => {
  const limits = { buckets: { wanted: 2, most: 4 }, confusionClasses: 3 };
  const rangeOf = (hours: number) => ({ from: new Date((10 - hours) * hourMs).toISOString() });

  it('should estimate as many buckets as it may and refuse one more', async () => {
    const service = serviceOf([], [], limits);
    const hourly = { bucketSeconds: 3_600 };
    expect((await service.series(scope, { ...rangeOf(4), ...hourly })).bucketSeconds).toBe(3_600);
    await expect(service.series(scope, { ...rangeOf(5), ...hourly })).rejects.toMatchObject({
      code: 'telemetry.buckets-too-many',
    });
    expect((await service.series(scope, rangeOf(5))).bucketSeconds).toBe(3 * 3_600);
    // Below an hour there are no sums: asked for less, it answers by hours.
    expect((await service.series(scope, { ...rangeOf(1), bucketSeconds: 10 })).bucketSeconds).toBe(3_600);
  });

  it('should list all classes up to the limit, and of one more those with labels', async () => {
    const of = async (names: string[], confusion: ConfusionCell[]) =>
      await serviceOf([], [{ ...cell, n: 10, correct: 8 }], limits, { names, confusion }).labelled(scope, {
        release,
      });
    const cell = { atMs: 0, release, predicted: 0, bin: 12 };
    const seen: ConfusionCell[] = [
      { label: 0, predicted: 0, n: 8 },
      { label: 2, predicted: 0, n: 1 },
    ];
    const all = await of(['a', 'b', 'c'], [...seen, { label: 2, predicted: 2, n: 1 }]);
    expect(all).toMatchObject({
      classes: ['a', 'b', 'c'],
      otherClasses: 0,
      confusion: [
        [8, 0, 0],
        [0, 0, 0],
        [1, 0, 1],
      ],
      recall: [{ n: 8 }, { n: 0 }, { n: 2, correct: 1 }],
      precision: [{ n: 9, correct: 8 }, { n: 0 }, { n: 1 }],
      accuracy: { n: 10, correct: 8 },
    });
    const some = await of(['a', 'b', 'c', 'd'], [...seen, { label: 2, predicted: null, n: 1 }]);
    expect(some).toMatchObject({
      classes: ['a', 'c'],
      otherClasses: 2,
      confusion: [
        [8, 0],
        [1, 0],
      ],
      // What was taken for a class that is not listed counts all the same.
      recall: [{ n: 8 }, { n: 2, correct: 0 }],
    });
  });

  it('should not make a matrix of 4,096 x 4,096 of one label', async () => {
    const far = await serviceOf([], [], limits, {
      names: [],
      confusion: [{ label: 4_095, predicted: 0, n: 1 }],
    }).labelled(scope, { release });
    expect(far).toMatchObject({
      classes: ['class 0', 'class 4095'],
      otherClasses: 4_094,
      confusion: [
        [0, 0],
        [1, 0],
      ],
    });
  });
});

describe('what a window is held against', () => {
  it('should add neighbouring bins where a device has fewer, and refuse where bins would be split', () => {
    expect(calibrationCounts(baseline, 4)).toEqual({
      ...{ classes: 2, bins: 4 },
      total: [0, 0, 200, 300, 0, 0, 200, 300],
      correct: [0, 0, 120, 270, 0, 0, 120, 270],
    });
    expect(calibrationCounts(baseline, 3)).toBeUndefined();
    expect(calibrationCounts({ ...baseline, histogram: [], correct: [] }, 8)).toBeUndefined();
  });

  it('should leave out features that a window does not have', () => {
    const known = { ...baseline, features: [feature('a'), feature('b')], ood: feature('score') };
    const counts = new Array<number>(16).fill(1);
    const names = (featureCounts: number[] | null, ood: number[] | null) =>
      comparable(known, { featureCounts, ood }).references.map(({ name }) => name);
    expect(names([...counts, ...counts], counts)).toEqual(['a', 'b', 'score']);
    expect(names(counts, null)).toEqual(['a']);
    expect(names(null, null)).toEqual([]);
  });
});

describe('combineEstimates', () => {
  const part = (value: number, abstains: AccuracyEstimate['abstains'] = null): AccuracyEstimate => ({
    ...{ value, low: value - 0.1, high: value + 0.1, abstains },
    parts: { sampling: 0.03, calibration: 0.04, shift: 0.01 },
  });
  const silent = { reason: 'inputs-moved', words: 'x moved' } as const;

  it('should weigh by predictions, add what is shared and not what is chance', () => {
    const { value, parts, abstains } = combineEstimates([
      { n: 300, estimate: part(0.9) },
      { n: 100, estimate: part(0.7) },
    ]);
    expect(value).toBeCloseTo(0.85, 9);
    expect(parts.calibration).toBeCloseTo(0.04, 9);
    expect(parts.sampling).toBeCloseTo(0.03 * Math.hypot(0.75, 0.25), 9);
    expect(abstains).toBeNull();
  });

  it('should abstain when more than a tenth of the predictions does', () => {
    const of = (n: number) =>
      combineEstimates([
        { n: 900, estimate: part(0.9) },
        { n, estimate: part(0.5, silent) },
      ]);
    expect(of(100).abstains).toBeNull();
    expect(of(100).value).toBeCloseTo(0.9, 9);
    expect(of(101).abstains).toEqual(silent);
  });
});

describe('aucOfCells', () => {
  it('should count pairs in order, and ties half', () => {
    const cell = (score: number, positive: number, negative: number) => ({ score, positive, negative });
    expect(aucOfCells([cell(0.9, 5, 0), cell(0.1, 0, 5)])).toBe(1);
    expect(aucOfCells([cell(0.5, 5, 5)])).toBe(0.5);
    // Of four pairs three are in order and none is tied.
    expect(aucOfCells([cell(0.1, 0, 1), cell(0.3, 1, 0), cell(0.5, 0, 1), cell(0.7, 1, 0)])).toBe(0.75);
    expect(aucOfCells([cell(0.5, 5, 0)])).toBeNaN();
  });
});

describe('EstimateService.compare', () => {
  const device = (name: string, changes: Partial<PredictionSums> = {}) => ({
    ...sums(changes),
    device: name,
  });
  const four = (changes: Partial<PredictionSums> = {}) =>
    ['a', 'b', 'c', 'd'].map((one) => device(one, changes));
  const compare = (
    first: ReturnType<typeof device>[],
    second: ReturnType<typeof device>[],
    labels: LabelledDevice[] = [],
  ) =>
    new EstimateService({
      versionOf: (_scope: unknown, keptAs: string) => Promise.resolve({ classes: ['no', 'yes'], keptAs }),
      devicePredictions: (_scope: unknown, { filter }: { filter?: string }) =>
        Promise.resolve(filter === '' ? second : first),
      baselines: () => Promise.resolve([{ release, schemaCrc: 7, baseline }]),
      deviceLabels: (_scope: unknown, { filter }: { filter: string }) =>
        Promise.resolve(filter === '' ? [] : labels),
    } as Partial<EstimateStore> as EstimateStore).compare(scope, {
      ...{ release, filter: 'site = "a"', againstFilter: '', days: 7 },
    });
  /** Surer than validation data was, within what it vouches for. */
  const sure = [0, 0, 0, 0, 95, 100, 100, 205];
  const surer = [0, 0, 0, 0, 75, 90, 100, 235];

  it('should say that two sets that do the same cannot be told apart', async () => {
    const { difference, words, cohorts, features } = await compare(four(), four());
    expect(difference!.value).toBeCloseTo(0);
    expect(difference!.low).toBeLessThan(0);
    expect(words[0]).toMatch(/^Accuracy cannot be told apart/);
    expect(cohorts[0]).toMatchObject({ devices: 4, n: 4_000, filter: 'site = "a"', abstains: null });
    expect(features.map(({ feature }) => feature)).toEqual(['confidence', 'predicted classes']);
  });

  it('should hold histograms of the first against those of the second', async () => {
    const { features } = await compare(four({ classes: [...sure, ...row] }), four());
    const confidence = features.find(({ kind }) => kind === 'confidence')!;
    expect(confidence.counts.reduce((a, b) => a + b)).toBe(4_000);
    expect(confidence.baseline.at(-1)).toBe(1_600);
    expect(confidence.counts.at(-1)).toBe(1_620);
  });

  it('should abstain where devices of more than a tenth of the predictions do, and say who', async () => {
    const mute = device('e', { schemaCrc: 8 });
    const { difference, words, cohorts } = await compare([...four(), mute], four());
    expect(difference).toBeNull();
    expect(cohorts[0]).toMatchObject({ devices: 5, value: null, abstains: { reason: 'no-validation-data' } });
    expect(cohorts[1].value).toBeCloseTo(0.78, 2);
    expect(words[0]).toMatch(/^No answer about accuracy: of the first/);
  });

  it('should give a single device the differences among those of the other set', async () => {
    const of = (counts: number[]) => ({ n: 100_000, classes: [...counts, ...counts].map((n) => 100 * n) });
    const apart = ['a', 'b', 'c', 'd'].map((one, i) => device(one, of(i % 2 === 0 ? row : surer)));
    const alone = await compare([device('z')], apart);
    expect(alone.cohorts[0]).toMatchObject({ devices: 1, between: null, abstains: null });
    expect(alone.cohorts[1].between).toBeGreaterThan(0);
    const among = await compare([device('z')], four());
    const wide = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
    expect(wide(alone.cohorts[0])).toBeGreaterThan(wide(among.cohorts[0]) + 0.02);
  });

  it('should abstain where neither set shows what devices differ by', async () => {
    const { difference, words, cohorts } = await compare([device('a')], [device('b'), device('c')]);
    expect(difference).toBeNull();
    for (const cohort of cohorts)
      expect(cohort).toMatchObject({ value: null, abstains: { reason: 'too-few-devices' } });
    expect(words[0]).toMatch(/^No answer about accuracy: of the first, fewer than 3 devices/);
  });

  it('should say what labels show of each set, beside the estimate', async () => {
    const labels = ['a', 'b'].map(() => ({ n: 50, correct: 45 }));
    const { words, cohorts } = await compare(four(), four(), labels);
    expect(cohorts[0].labelled).toMatchObject({ devices: 2, n: 100, correct: 90, value: 0.9 });
    expect(cohorts[1].labelled).toBeNull();
    expect(words[1]).toMatch(
      /^By labels, the first is right in 90\.0 % \(.* to .*\) of 100 labels of 2 devices; the other set has none\. Labels of fewer than 3 devices do not show what devices differ by\.$/,
    );
  });

  it('should compare no inputs of different monitors', async () => {
    const other = four({ schemaCrc: 8, confidenceBins: 4, classes: [0, 0, 1, 1, 0, 0, 1, 1] });
    expect((await compare(four(), other)).features).toEqual([]);
  });
});
