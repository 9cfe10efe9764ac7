import { describe, expect, it } from '@jest/globals';
import { projectScope } from '@tinyfleet/contracts';
import type { Baseline, FeatureBaseline } from './baseline.js';
import { DriftMapService } from './drift-map-service.js';
import type { DriftMapStore, GroupSums } from './ports.js';

const scope = projectScope('00000000-0000-7000-8000-000000000000', 'p');
const release = 'm@1.0.0';
const hourMs = 3_600_000;
const even = new Array<number>(16).fill(100);
const moved = [...new Array<number>(8).fill(0), ...new Array<number>(8).fill(200)];
/** A bin less than there are. */
const edges = Array.from({ length: 15 }, (_, i) => 10 + 20 * i);
const feature = (name: string): FeatureBaseline => ({
  ...{ name, edges, counts: even, correct: even, n: 1_600, centre: 10, min: 0, max: 1 },
  // Mean 0 about the centre, standard deviation 2.
  ...{ sum: 0, sumSquares: 4 * 1_599, scale: 0.5, zeroPoint: 10, classes: [] },
});
const baseline: Baseline = {
  ...{ samples: 1_600, accuracy: 0.8, ood: null, features: [feature('level'), feature('noise')] },
  histogram: [new Array<number>(8).fill(100), new Array<number>(8).fill(100)],
  correct: [new Array<number>(8).fill(80), new Array<number>(8).fill(80)],
  confusion: [],
};
const row = (changes: Partial<GroupSums> = {}): GroupSums => ({
  ...{ release, group: 'hall-a', atMs: 0, schemaCrc: 7, confidenceBins: 8, n: 1_600, labels: ['off', 'on'] },
  ...{ classes: new Array<number>(16).fill(100), featureCounts: [...even, ...even], ood: null },
  ...{ featureSums: [1_600, 0, 6_400, 1_600, 0, 6_400], ...changes },
});
const serviceOf = (rows: GroupSums[], against = baseline) =>
  new DriftMapService(
    {
      versionOf: (_scope, release) => Promise.resolve({ classes: ['off', 'on'], keptAs: release }),
      groupSums: () => Promise.resolve(rows),
      deviceSums: () => Promise.resolve(rows),
      baselines: () => Promise.resolve([{ release, schemaCrc: 7, baseline: against }]),
    } satisfies DriftMapStore,
    () => 48 * hourMs,
  );
const mapOf = (
  rows: GroupSums[],
  request: Partial<Parameters<DriftMapService['map']>[1]> = {},
  against = baseline,
) => serviceOf(rows, against).map(scope, { release, by: 'site', ...request });

describe('DriftMapService', () => {
  it('should show nothing where nothing moved, with edges in the units of the input', async () => {
    const { groups, cells, without } = await mapOf([row()]);
    const [{ features }] = groups as [(typeof groups)[number]];
    expect(features.map((one) => one.feature)).toEqual(['level', 'noise', 'confidence', 'predicted classes']);
    expect(features.map((one) => one.distance)).toEqual([0, 0, 0, 0]);
    expect(features[0]).toMatchObject({ baseline: even, counts: even, shift: 0 });
    expect(features[0]!.edges.slice(0, 2)).toEqual([0, 10]);
    expect(features[3]).toMatchObject({ labels: ['off', 'on'], counts: [800, 800], shift: null });
    expect(cells).toMatchObject([{ group: 'hall-a', n: 1_600 }]);
    expect(without).toBe(0);
  });

  it('should find the feature, the group and the hour that moved, how far and which way', async () => {
    const drifted = row({
      ...{ group: 'hall-b', atMs: hourMs, featureCounts: [...moved, ...even] },
      featureSums: [1_600, 3_200, 12_800, 1_600, 0, 6_400],
    });
    const { groups, cells } = await mapOf([row(), row({ group: 'hall-b' }), drifted]);
    const b = cells.filter(({ group }) => group === 'hall-b').map(({ moved: of }) => of[0]!);
    expect(b.map(({ isFar }) => isFar)).toEqual([false, true]);
    expect(b[1]!.share).toBeCloseTo(0.5, 6);
    expect(b[1]!.shift).toBeCloseTo(1, 3);
    expect(b[1]!.distance).toBeCloseTo(Math.sqrt(1 - Math.SQRT1_2), 1);
    expect(cells.every(({ moved: of }) => !of[1]!.isFar)).toBe(true);
    // Over the whole range half of its hours are as they were.
    const whole = groups.find(({ group }) => group === 'hall-b')!.features[0]!;
    expect([whole.n, whole.shift]).toEqual([3_200, 0.5]);
  });

  it('should count what can be held against nothing, and leave a hole where a feature was not sent', async () => {
    const { groups, cells, without } = await mapOf([
      row(),
      row({ atMs: hourMs, featureCounts: null, featureSums: null }),
      row({ schemaCrc: 8, n: 5 }),
      row({ confidenceBins: 7, n: 3 }),
    ]);
    expect(groups).toHaveLength(1);
    expect(cells[1]!.moved.map((one) => one === null)).toEqual([true, true, false, false]);
    expect(without).toBe(8);
  });

  it('should leave out bins that a monitor with few edges does not use', async () => {
    const coarse = [800, 500, 300, ...new Array<number>(13).fill(0)];
    const few = { ...feature('level'), edges: [10, 30], counts: coarse };
    const rows = [row({ featureCounts: [...coarse, ...even] })];
    const { groups } = await mapOf(rows, {}, { ...baseline, features: [few, feature('noise')] });
    expect(groups[0]!.features[0]).toMatchObject({
      ...{ edges: [0, 10], baseline: [800, 500, 300], counts: [800, 500, 300], n: 1_600 },
    });
  });

  it('should show the twenty groups with the most predictions, in buckets of an hour at least', async () => {
    const rows = Array.from({ length: 21 }, (_, i) => row({ group: `s${i}`, n: 100 + i }));
    const { groups, bucketSeconds } = await mapOf(rows, { bucketSeconds: 10 });
    expect(groups.map(({ group }) => group)).toHaveLength(20);
    expect([groups[0]!.group, groups[19]!.group]).toEqual(['s20', 's1']);
    expect(bucketSeconds).toBe(3_600);
    expect((await mapOf(rows.slice(0, 20))).groups).toHaveLength(20);
  });

  it('should add the days of one device, of the version it predicted with last unless asked for another', async () => {
    const rows = [
      row({ group: 'd', atMs: 24 * hourMs, featureCounts: [...moved, ...even] }),
      row({ group: 'd' }),
      row({ group: 'd', n: 7, schemaCrc: 8 }),
      row({ group: 'd', n: 90, release: 'm@0.9.0' }),
    ];
    const now = await serviceOf(rows).device(scope, { device: 'd', days: 7 });
    expect(now).toMatchObject({ device: 'd', days: 7, release, n: 3_200, without: 7 });
    expect(now.releases).toEqual([
      { release, n: 3_207 },
      { release: 'm@0.9.0', n: 90 },
    ]);
    expect(now.features.map(({ feature }) => feature)).toEqual([
      ...['level', 'noise', 'confidence', 'predicted classes'],
    ]);
    expect(now.features.map(({ n }) => n)).toEqual([3_200, 3_200, 3_200, 3_200]);
    expect(now.features[0]!.share).toBeCloseTo(0.25, 6);
    const before = await serviceOf(rows).device(scope, { device: 'd', days: 7, release: 'm@0.9.0' });
    expect(before).toMatchObject({ release: 'm@0.9.0', n: 0, without: 90, features: [] });
    const none = await serviceOf([]).device(scope, { device: 'd', days: 7 });
    expect(none).toMatchObject({ release: null, releases: [], n: 0, without: 0, features: [] });
  });
});
