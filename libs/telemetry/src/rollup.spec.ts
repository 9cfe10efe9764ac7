/** Sums merge exactly: in any order, in any grouping, and each window counts once however often it comes. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packHistogram } from '@tinyfleet/wire';
import { packFeatures } from './features.js';
import { WindowFold, foldSpans, foldWindows, rollupSpans, type Rollups } from './rollup.js';
import { mergeSums, noSums, type WindowSums } from './window-sums.js';
import type { WindowRow } from './window.js';

const classes = 2;
const confidenceBins = 8;
const hourMs = 3_600_000;
const counts = (bins: number) => fc.array(fc.nat(4_095), { minLength: bins, maxLength: bins });
const feature = fc
  .record({
    bins: counts(16),
    n: fc.nat(65_535),
    sum: fc.integer(),
    sumSquares: fc.nat(2 ** 40),
    min: fc.integer({ min: -32_768, max: 0 }),
    max: fc.integer({ min: 0, max: 32_767 }),
  })
  .map(({ bins, ...rest }) => ({ histogram: packHistogram(bins), ...rest }));

/** Of a few devices, versions, schemas and hours, so that many meet in one sum. */
const row = fc
  .record({
    device: fc.nat(2),
    sequence: fc.nat(5),
    model: fc.nat(1),
    schemaCrc: fc.nat(1),
    hour: fc.nat(30),
    n: fc.nat(4_095),
    cells: counts(classes * confidenceBins),
    ood: fc.option(counts(16)),
    features: fc.option(fc.array(feature, { minLength: 3, maxLength: 3 })),
    cyclesMean: fc.option(fc.nat(2 ** 31)),
    cyclesMax: fc.option(fc.nat(2 ** 31)),
    switches: fc.option(fc.nat(65_535)),
  })
  .map(({ device, model, hour, cells, ood, features, ...rest }): WindowRow => ({
    projectId: 'p',
    deviceId: `d${device}`,
    bootId: 1n,
    windowStartMs: hour * hourMs,
    windowMs: hourMs,
    receivedAtMs: 0,
    component: 0,
    timeKnown: true,
    modelVersionId: `m${model}`,
    typeId: 't',
    site: '',
    buildPrefix: new Uint8Array(8),
    confidenceBins,
    classes: packHistogram(cells),
    ood: ood && packHistogram(ood),
    features: features && packFeatures(features),
    ...{ saturated: null, stuck: null, droppedFrames: null, invalid: null, arenaBytes: null },
    ...{ stackBytes: null, batteryPercent: null, resets: null, firstIndex: null },
    ...rest,
  }));
const rows = fc.array(row, { maxLength: 20 });
const fold = (given: readonly WindowRow[]) => foldWindows(given, () => classes);
const sumOf = (given: readonly WindowRow[]): WindowSums =>
  fold(given).hours.reduce((sum, { sums }) => mergeSums(sum, sums), noSums());

/** As the table's key does: one row of a device, boot, number and start. */
const once = (given: readonly WindowRow[]): WindowRow[] => [
  ...given
    .toReversed()
    .reduce(
      (kept, one) => kept.set(`${one.deviceId}/${one.sequence}/${one.windowStartMs}`, one),
      new Map<string, WindowRow>(),
    )
    .values(),
];

describe('sums of windows', () => {
  it('should not depend on the order of windows', () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.double({ noNaN: true })), (given, keys) => {
        const shuffled = given.map((one) => ({ one, key: keys.next().value as number }));
        shuffled.sort((a, b) => a.key - b.key);
        expect(fold(shuffled.map(({ one }) => one))).toEqual(fold(given));
      }),
      { numRuns: 50 },
    );
  });

  it('should not depend on how windows are grouped into batches', () => {
    fc.assert(
      fc.property(rows, fc.nat(20), (given, at) => {
        expect(mergeSums(sumOf(given.slice(0, at)), sumOf(given.slice(at)))).toEqual(sumOf(given));
      }),
      { numRuns: 50 },
    );
  });

  it('should commute, associate and have a neutral element', () => {
    fc.assert(
      fc.property(rows, rows, rows, (x, y, z) => {
        const [a, b, c] = [sumOf(x), sumOf(y), sumOf(z)];
        expect(mergeSums(a, b)).toEqual(mergeSums(b, a));
        expect(mergeSums(mergeSums(a, b), c)).toEqual(mergeSums(a, mergeSums(b, c)));
        expect(mergeSums(a, noSums())).toEqual(a);
      }),
      { numRuns: 50 },
    );
  });

  it('should count a window once, however often and in whatever order it comes', () => {
    fc.assert(
      fc.property(rows, fc.array(fc.nat(19), { maxLength: 20 }), (given, again) => {
        const distinct = once(given);
        const repeated = [...distinct, ...again.flatMap((i) => distinct.slice(i, i + 1))];
        expect(fold(once(repeated))).toEqual(fold(distinct));
      }),
      { numRuns: 50 },
    );
  });

  it('should add up devices to what hours add up to', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const { deviceDays } = fold(given);
        expect(deviceDays.reduce((sum, { sums }) => mergeSums(sum, sums), noSums())).toEqual(sumOf(given));
      }),
      { numRuns: 50 },
    );
  });

  it('should add up every span and every part of it to what hours add up to, in UTC', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const { hours } = fold(given);
        const spans = foldSpans(hours);
        for (const part of ['all', 'type', 'site'] as const)
          for (const spanHours of rollupSpans) {
            const own = spans.filter((one) => one.part === part && one.spanHours === spanHours);
            expect(own.reduce((sum, { sums }) => mergeSums(sum, sums), noSums())).toEqual(sumOf(given));
            expect(own.every(({ startMs }) => startMs % (spanHours * hourMs) === 0)).toBe(true);
          }
        expect(new Set(spans.map(({ sums: _, ...key }) => JSON.stringify(key))).size).toBe(spans.length);
      }),
      { numRuns: 50 },
    );
  });

  it('should give empty bins and absent parts their place', () => {
    const one = (features: WindowRow['features'], ood: WindowRow['ood']): WindowRow => ({
      ...fc.sample(row, 1)[0]!,
      ...{ classes: packHistogram(Array<number>(16).fill(0)), n: 0, features, ood },
    });
    const sums = sumOf([one(null, null)]);
    expect(sums).toMatchObject({
      windows: 1,
      classes: Array<number>(16).fill(0),
      ood: null,
      featureCounts: null,
    });
    expect(sumOf([one(packFeatures([]), null)])).toMatchObject({ featureCounts: [], featureMin: [] });
  });
});

describe('WindowFold', () => {
  const numbers = (sums: WindowSums): number =>
    [sums.classes, sums.ood, sums.featureCounts, sums.featureSums, sums.featureMin, sums.featureMax]
      .map((list) => list?.length ?? 0)
      .reduce((a, b) => a + b);

  it('should say how many numbers its result and the spans of it hold', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const folding = new WindowFold(() => classes);
        for (const one of given) folding.add(one);
        const { hours, deviceDays } = folding.result();
        const sum = (of: readonly { readonly sums: WindowSums }[]) =>
          of.reduce((all, { sums }) => all + numbers(sums), 0);
        expect(folding.cells).toBe(10 * sum(hours) + sum(deviceDays));
        expect(folding.cells).toBeGreaterThanOrEqual(sum([...hours, ...foldSpans(hours), ...deviceDays]));
      }),
      { numRuns: 50 },
    );
  });

  it('should give what it has and go on from nothing', () => {
    fc.assert(
      fc.property(rows, fc.nat(20), (given, cut) => {
        const folding = new WindowFold(() => classes);
        const taken: Rollups[] = [];
        for (const part of [given.slice(0, cut), given.slice(cut)]) {
          for (const one of part) folding.add(one);
          taken.push(folding.take());
          expect(folding.cells).toBe(0);
        }
        expect(taken).toEqual([fold(given.slice(0, cut)), fold(given.slice(cut))]);
      }),
      { numRuns: 50 },
    );
  });

  it('should leave out and count a stored window of more bins than allowed', () => {
    const [one] = fc.sample(row, 1);
    const empty = { ...one!, n: 0, classes: Uint8Array.of(0) };
    const folding = new WindowFold(() => classes, 100);
    folding.add({ ...empty, confidenceBins: 50 });
    expect([folding.oversized, folding.result().hours.length]).toEqual([0, 1]);
    folding.add({ ...empty, confidenceBins: 51 });
    expect([folding.oversized, folding.result().hours.length]).toEqual([1, 1]);
  });
});
