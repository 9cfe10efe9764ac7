import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packHistogram, packPicks, type Telemetry } from '@tinyfleet/wire';
import type { DeviceRecord } from './directory.js';
import { packFeatures } from './features.js';
import { foldWindows } from './rollup.js';
import { acceptWindow, clockOfHello, defaultWindowPolicy, placeWindow, timelessBoot } from './window.js';

const now = Date.UTC(2026, 0, 15, 12);
const day = 86_400_000;
const device: DeviceRecord = {
  project: 'demo',
  device: 'a',
  projectId: 'p',
  deviceId: 'd',
  typeId: 't',
  site: 'oslo',
  enabled: true,
  enrolment: null,
  credentials: [],
  windowS: 10,
  pickEvery: 50,
  bootId: undefined,
  lastSequence: 0,
  gaps: 0,
};
const message = (changes: Partial<Telemetry> = {}): Telemetry => ({
  component: 'model',
  bootId: 5n,
  sequence: 7,
  uptimeMs: 20_000,
  build: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  schema: 9,
  startMs: 10_000,
  lengthMs: 10_000,
  n: 10,
  startUnixMs: now,
  classes: packHistogram([...Array<number>(7).fill(0), 6, ...Array<number>(7).fill(0), 4]),
  ...changes,
});
const bundle = { modelVersionId: 'v', classes: 2 };
const accept = (
  changes: Partial<Telemetry> = {},
  context: Partial<Parameters<typeof acceptWindow>[1]> = {},
) =>
  acceptWindow(
    { device, message: message(changes), features: null, receivedAtMs: now },
    { bundle, clock: undefined, nowMs: now, policy: defaultWindowPolicy, ...context },
  );

describe('placeWindow', () => {
  it('should prefer the time of the device, then the clock of its boot', () => {
    const clock = { offsetMs: 1_000_000, known: false };
    expect(placeWindow(message(), clock)).toEqual({ startMs: now, known: true });
    expect(placeWindow(message({ startUnixMs: undefined }), clock)).toEqual({
      startMs: 1_010_000,
      known: true,
    });
  });

  it('should keep a boot that nobody knew the time of on one day, apart from real time', () => {
    const placed = placeWindow({ startMs: 400 * day + 5 }, timelessBoot);
    expect(placed).toEqual({ startMs: 5, known: false });
  });

  it('should take the clock of a boot from its hello, or from the arrival of it', () => {
    expect(clockOfHello({ uptimeMs: 500, unixTimeMs: now }, now + 99)).toEqual({
      offsetMs: now - 500,
      known: true,
    });
    expect(clockOfHello({ uptimeMs: 500 }, now)).toEqual({ offsetMs: now - 500, known: false });
  });
});

describe('acceptWindow', () => {
  it('should make the same row of a redelivered window', () => {
    expect(accept({}, { nowMs: now + 50_000 }).row).toEqual(accept().row);
  });

  it('should take a window at the end of retention and refuse one millisecond more', () => {
    const oldest = now - defaultWindowPolicy.retentionDays * day;
    expect(accept({ startUnixMs: oldest }).row.windowStartMs).toBe(oldest);
    expect(() => accept({ startUnixMs: oldest - 1 })).toThrow(/older than 31 days/);
  });

  it('should take a window as far ahead as allowed and refuse one millisecond more', () => {
    const latest = now + defaultWindowPolicy.maxAheadMs;
    expect(accept({ startUnixMs: latest }).row.windowStartMs).toBe(latest);
    expect(() => accept({ startUnixMs: latest + 1 })).toThrow(/600 s ahead/);
  });

  it('should refuse a histogram whose counts are not n, or whose classes are not those of the bundle', () => {
    expect(() => accept({ n: 11 })).toThrow(/counts 10 inferences, its header says 11/);
    expect(() => accept({}, { bundle: { modelVersionId: 'v', classes: 3 } })).toThrow();
  });

  it('should take a window of as many bins as allowed and refuse one more, whatever it counts', () => {
    const nothing = { n: 0, classes: Uint8Array.of(0) };
    const of = (classes: number, confidenceBins: number, maxBins = defaultWindowPolicy.maxBins) =>
      accept(
        { ...nothing, confidenceBins },
        {
          bundle: { modelVersionId: 'v', classes },
          policy: { ...defaultWindowPolicy, maxBins },
        },
      );
    expect(of(4_096, 16).row.confidenceBins).toBe(16);
    expect(() => of(4_096, 17)).toThrow(/confidenceBins of telemetry is 17, outside 0\.\.16/);
    expect(of(1, 100, 100).row.confidenceBins).toBe(100);
    expect(() => of(1, 101, 100)).toThrow(/outside 0\.\.100/);
    expect(() => of(101, 1, 100)).toThrow(/outside 0\.\.0/);
  });

  it('should refuse what could not be folded later', () => {
    expect(() => accept({ ood: packHistogram([1, 2]) })).toThrow(/ood/);
    expect(() => accept({ lengthMs: 7 * day + 1 })).toThrow(/lengthMs/);
  });

  it('should keep a window of an unknown bundle under no model', () => {
    expect(accept({ n: 11 }, { bundle: undefined }).row.modelVersionId).toMatch(/^0+-/);
  });

  it('should address picks by inference index', () => {
    const picks = packPicks([{ offset: 3, predicted: 1, confidence: 200 }]);
    expect(accept({ picks, firstIndex: 100 }).picks).toMatchObject([
      { inferenceIndex: 103, predicted: 1, confidence: 200, atMs: now },
    ]);
    expect(accept({ picks }).picks).toEqual([]);
  });

  it('should take picks of a window that took every k-th inference, and none of one without any', () => {
    const picks = packPicks([{ offset: 65_535, predicted: 1, confidence: 200 }]);
    expect(accept({ picks, firstIndex: 100 }).picks).toMatchObject([{ inferenceIndex: 65_635 }]);
    expect(() => accept({ picks, firstIndex: 100, n: 0, classes: Buffer.of(0) })).toThrow(/picks/);
  });
});

describe('foldWindows', () => {
  const classesOf = () => 2;

  it('should add windows of one hour, and apart by device and day', () => {
    const rows = [accept().row, { ...accept().row, deviceId: 'e', sequence: 8 }];
    const { hours, deviceDays } = foldWindows(rows, classesOf);
    expect(hours.map(({ sums }) => [sums.windows, sums.n, sums.classes[7], sums.classes[15]])).toEqual([
      [2, 20, 12, 8],
    ]);
    expect(deviceDays.map(({ deviceId, sums }) => [deviceId, sums.n])).toEqual([
      ['d', 10],
      ['e', 10],
    ]);
  });

  it('should never merge windows of different schemas or versions', () => {
    const { row } = accept();
    const { hours } = foldWindows(
      [row, { ...row, schemaCrc: 1 }, { ...row, modelVersionId: 'w' }],
      classesOf,
    );
    expect(hours.length).toBe(3);
  });

  it('should leave out unknown bundles and unknown time', () => {
    const { row } = accept();
    expect(
      foldWindows([{ ...row, timeKnown: false }, accept({}, { bundle: undefined }).row], classesOf).hours,
    ).toEqual([]);
  });

  it('should add features and scores of the windows that have them', () => {
    const feature = { n: 2, sum: -3, sumSquares: 9, min: -4, max: 1 };
    const features = [
      packFeatures([{ ...feature, histogram: packHistogram([2, ...Array<number>(15).fill(0)]) }]),
      packFeatures([{ ...feature, max: 5, histogram: packHistogram([...Array<number>(15).fill(0), 2]) }]),
    ];
    const ood = packHistogram([7, ...Array<number>(15).fill(0)]);
    const rows = [
      accept().row,
      { ...accept({ ood }).row, features: features[0]! },
      { ...accept().row, features: features[1]! },
    ];
    const { sums } = foldWindows(rows, classesOf).hours[0]!;
    expect(sums.ood?.[0]).toBe(7);
    expect([sums.featureCounts?.[0], sums.featureCounts?.[15]]).toEqual([2, 2]);
    expect([sums.featureSums, sums.featureMin, sums.featureMax]).toEqual([[4, -6, 18], [-4], [5]]);
  });

  it('should give the same sums however windows are grouped', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), fc.nat(30), (devices, cut) => {
        const rows = devices.map((d, sequence) => ({ ...accept().row, deviceId: `d${d}`, sequence }));
        const whole = foldWindows(rows, classesOf).hours[0]!.sums;
        const parts = [rows.slice(0, cut), rows.slice(cut)].flatMap(
          (part) => foldWindows(part, classesOf).hours,
        );
        expect(parts.reduce((n, { sums }) => n + sums.n, 0)).toBe(whole.n);
        expect(parts.reduce((n, { sums }) => n + sums.classes[7]!, 0)).toBe(whole.classes[7]);
      }),
    );
  });
});
