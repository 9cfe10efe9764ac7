// Fit at the limit and one byte beyond, the advice, and the estimates against the boards they were fitted to.
import { describe, expect, it } from '@jest/globals';
import { estimate } from './estimate.js';
import { fitDevice, type FittedReport } from './fit.js';

const report: FittedReport = {
  bundleBytes: 30_000,
  arenaBytes: 16_000,
  stateBytes: 64,
  ops: [
    {
      op: 'CONV_2D',
      name: 'stem',
      work: 320_000,
      outputBytes: 8_000,
      constantBytes: 3_000,
      liveBytes: 8_490,
    },
    {
      op: 'CONV_2D',
      name: 'wide',
      work: 512_000,
      outputBytes: 8_000,
      constantBytes: 9_000,
      liveBytes: 16_000,
    },
  ],
};
const type = {
  name: 'nucleo-l4r5zi',
  core: 'cortex-m4f',
  clockHz: 120_000_000,
  slotBytes: 30_000,
  arenaBytes: 16_000,
  stateBytes: 64,
};

describe('fitDevice', () => {
  it('should fit at the limit and not one byte beyond', () => {
    expect(fitDevice(report, type)).toMatchObject({ fits: true, advice: [] });
    for (const memory of ['slotBytes', 'arenaBytes', 'stateBytes'] as const) {
      const fit = fitDevice(report, { ...type, [memory]: type[memory] - 1 });
      expect(fit.fits).toBe(false);
      expect(fit.advice).toHaveLength(1);
    }
  });

  it('should name the layer to shrink', () => {
    const fit = fitDevice(report, { ...type, slotBytes: 20_000, arenaBytes: 8_000 });
    expect(fit.advice[0]).toMatch(/10,000 B \(50 %\) too large.*CONV_2D wide alone has 30 %/);
    expect(fit.advice[1]).toMatch(/the peak is at CONV_2D wide/);
  });
});

describe('estimate', () => {
  it('should take less time on a faster clock and a better core, and say its error', () => {
    const m4 = estimate(report.ops, type)!;
    const m7 = estimate(report.ops, { name: 'other', core: 'cortex-m7', clockHz: 120_000_000 })!;
    const fast = estimate(report.ops, { ...type, clockHz: 240_000_000 })!;
    expect(m7.cycles).toBeLessThan(m4.cycles);
    expect(m7.timeError).toBeGreaterThan(m4.timeError);
    expect(fast.milliseconds).toBeCloseTo(m4.milliseconds / 2);
    expect(m4.microjoules).toBeCloseTo(41.6 * m4.milliseconds);
    expect(m7.microjoules).toBeNull();
  });

  it('should not guess for a core without published figures', () => {
    expect(estimate(report.ops, { name: 'x', core: 'xtensa', clockHz: 240_000_000 })).toBeNull();
  });
});
