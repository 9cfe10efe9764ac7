import { describe, expect, it } from '@jest/globals';
import { Random } from '@tinyfleet/quality';
import { agreementOf, shadowReport, shadowWords, type DeviceCount } from './agreement.js';

const device = (i: number, given: Partial<DeviceCount> = {}): DeviceCount => ({
  device: `d-${i}`,
  type: i % 2 === 0 ? 'm4' : 'm7',
  site: 'hall',
  state: 'shadow',
  runs: 100,
  agreed: 90,
  skipped: 0,
  ...given,
});
const devices = (n: number, of: (i: number) => Partial<DeviceCount> = () => ({})): DeviceCount[] =>
  Array.from({ length: n }, (_, i) => device(i, of(i)));

describe('agreementOf', () => {
  it('should know nothing without a run', () => {
    expect(agreementOf([])).toMatchObject({ devices: 0, share: null, low: null });
    expect(agreementOf(devices(3, () => ({ runs: 0, agreed: 0 })))).toMatchObject({
      devices: 0,
      share: null,
    });
  });

  it('should give one device a share and no bounds, whatever it ran', () => {
    const one = agreementOf([device(0, { runs: 1_000_000, agreed: 990_000 })]);
    expect(one.share).toBeCloseTo(0.99);
    expect(one).toMatchObject({ low: null, high: null });
  });

  it('should count devices and not runs: a million runs of one do not drown the others', () => {
    const loud = agreementOf(devices(20, (i) => (i === 0 ? { runs: 1_000_000, agreed: 100_000 } : {})));
    expect(loud.share).toBeGreaterThan(0.8);
    const [few, many] = [
      agreementOf(devices(20)),
      agreementOf(devices(20, () => ({ runs: 10_000, agreed: 9_000 }))),
    ];
    expect(few.high! - few.low!).toBeLessThan(4 * (many.high! - many.low!));
  });

  it('should widen its bounds where devices differ', () => {
    const [alike, apart] = [
      agreementOf(devices(20)),
      agreementOf(devices(20, (i) => ({ agreed: i < 10 ? 80 : 100 }))),
    ];
    expect(apart.high! - apart.low!).toBeGreaterThan(1.5 * (alike.high! - alike.low!));
  });

  it('should hold the truth in at least 95 of 100 fleets at every look together', () => {
    const random = new Random(11);
    let missed = 0;
    for (let run = 0; run < 200; run++) {
      const fleet = devices(30, () => ({ runs: 0, agreed: 0 })).map((one) => ({
        ...one,
        own: Math.min(1, Math.max(0, 0.9 + 0.05 * random.normal())),
      }));
      let isWrong = false;
      for (let look = 0; look < 10; look++) {
        for (const one of fleet) {
          const agreed = Array.from({ length: 20 }, () => random.uniform() < one.own).filter(Boolean).length;
          Object.assign(one, { runs: one.runs + 20, agreed: one.agreed + agreed });
        }
        const { low, high } = agreementOf(fleet);
        // The mean of shares cut at 1 is a little below .9.
        if (low !== null && (low > 0.9 || high! < 0.895)) isWrong = true;
      }
      if (isWrong) missed++;
    }
    expect(missed).toBeLessThanOrEqual(10);
  });
});

describe('shadowReport', () => {
  const cells = [
    { active: 0, shadow: 1, count: 30 },
    { active: 0, shadow: 2, count: 10 },
    { active: 7, shadow: 0, count: 5 },
  ];

  it('should say which class was taken for which, commonest first, and what nobody specified', () => {
    const report = shadowReport({
      devices: devices(5, () => ({ skipped: 2 })),
      labels: ['go', 'no', 'up'],
      cells,
    });
    expect(report.disagreements).toEqual([
      { active: 'go', shadow: 'no', count: 30, share: 0.75 },
      { active: 'go', shadow: 'up', count: 10, share: 0.25 },
      { active: 'class 7', shadow: 'go', count: 5, share: 1 },
    ]);
    expect(report).toMatchObject({ running: 5, compared: 0, skipped: 10, unspecified: 5 });
    const words = shadowWords(report);
    expect(words[0]).toContain('agrees with the active model in 90.0 % of its runs');
    expect(words[0]).toContain('500 runs on 5 devices, 10 more skipped');
    expect(words[1]).toBe(
      'where the active model says go it says no: 30 times, 75.0 % of what they do not agree on there',
    );
  });

  it('should name the type where they agree less', () => {
    const mixed = devices(60, (i) =>
      i % 2 === 0 ? { runs: 1_000, agreed: 600 } : { runs: 1_000, agreed: 995 },
    );
    const report = shadowReport({ devices: mixed, labels: [], cells: [] });
    expect(report.bySegment.map(({ by, value, devices: n }) => [by, value, n])).toEqual([
      ['type', 'm4', 30],
      ['type', 'm7', 30],
    ]);
    expect(shadowWords(report).at(-1)).toBe('less on type m4: 60.0 % on 30 devices');
    expect(report.least[0]).toEqual({ device: 'd-0', runs: 1_000, share: 0.6 });
  });

  it('should say that nothing has come yet', () => {
    const words = shadowWords(
      shadowReport({
        devices: devices(2, () => ({ runs: 0, agreed: 0, skipped: 3 })),
        labels: [],
        cells: [],
      }),
    );
    expect(words).toEqual(['no runs yet on 2 devices, 6 more skipped for want of time or battery']);
  });
});
