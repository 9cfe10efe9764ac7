import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addShadowReport, noShadowRuns, rememberedBoots, type ShadowBoot } from './counters.js';

const report = (bootId: number, sequence: number, runs: number, changes: Partial<ShadowBoot> = {}) => ({
  ...{ bootId: String(bootId), sequence, runs, agreed: runs - 1, skipped: 0, disagreed: null },
  ...changes,
});
const sumOf = (reports: readonly ShadowBoot[]) => reports.reduce(addShadowReport, noShadowRuns);

describe('counters of shadow runs', () => {
  it('should count a report of an earlier start once, also when it comes again after the next one', () => {
    const sums = sumOf([report(1, 5, 100), report(2, 1, 10), report(1, 5, 100), report(2, 2, 20)]);
    expect(sums).toMatchObject({ runs: 120, agreed: 118 });
  });

  it('should add what an earlier start had told last, when that comes late', () => {
    expect(sumOf([report(1, 5, 100), report(2, 1, 10), report(1, 6, 130)]).runs).toBe(140);
    expect(sumOf([report(2, 1, 10), report(1, 6, 130), report(2, 2, 20)]).runs).toBe(150);
  });

  it('should come to the same in any order, however often each report comes', () => {
    const reports = fc.array(
      fc.record({
        bootId: fc.integer({ min: 1, max: rememberedBoots }),
        steps: fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: rememberedBoots },
    );
    const check = fc.property(reports, fc.infiniteStream(fc.nat()), (boots, picks) => {
      const byBoot = [...new Map(boots.map((boot) => [boot.bootId, boot])).values()];
      const told = byBoot.flatMap(({ bootId, steps }) => {
        let runs = 0;
        return steps.map((n, i) => {
          runs += n;
          return report(bootId, i, runs, { agreed: runs, disagreed: [0, runs, 2 * runs, 0] });
        });
      });
      const shuffled = [...told, ...told];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = (picks.next().value ?? 0) % (i + 1);
        [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
      }
      const total = byBoot.reduce((sum, { steps }) => sum + steps.reduce((a, b) => a + b, 0), 0);
      const sums = sumOf(shuffled);
      expect(sums).toMatchObject({ runs: total, agreed: total, disagreed: [0, total, 2 * total, 0] });
    });
    fc.assert(check, { numRuns: 200, seed: 6 });
  });

  it('should go on from where a shadow began anew without a start of the device', () => {
    expect(sumOf([report(1, 1, 100), report(1, 2, 10), report(1, 3, 20)]).runs).toBe(120);
  });

  it('should keep a matrix when a message has no room for one, and take none of another size', () => {
    const sums = sumOf([
      report(1, 1, 10, { disagreed: [0, 1, 2, 0] }),
      report(1, 2, 20),
      report(1, 3, 30, { disagreed: [0, 3, 3, 0] }),
      report(1, 4, 40, { disagreed: [9, 9, 9, 9, 9, 9, 9, 9, 9] }),
    ]);
    expect(sums).toMatchObject({ runs: 40, disagreed: [0, 3, 3, 0] });
  });

  it('should remember a bounded number of starts', () => {
    const boots = Array.from({ length: rememberedBoots + 1 }, (_, i) => report(i, 1, 10));
    expect(sumOf(boots).boots).toHaveLength(rememberedBoots);
    expect(sumOf([...boots.slice(1), boots[1]!]).runs).toBe(10 * rememberedBoots);
  });
});
