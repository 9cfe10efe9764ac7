/** What a device's full ring makes of windows, by the agent's own code, is what the platform makes of them, in any order and grouping. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readTelemetry } from './features.js';
import { addWindow, mergeSums, noSums, UnpackedWindow, type WindowSums } from './window-sums.js';
import type { FoldedWindow } from './window.js';

interface Golden {
  readonly classes: number;
  readonly windows: readonly string[];
  /** The windows, merged by the agent (vectors.medium.spec.ts makes them anew). */
  readonly sum: string;
}
const url = new URL('../../../firmware-stubs/vectors/window-sum.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as readonly Golden[];

function sumsOf(hex: string, classes: number): WindowSums {
  const { message, features } = readTelemetry(new Uint8Array(Buffer.from(hex, 'hex')));
  const row: FoldedWindow = {
    ...{ projectId: '', deviceId: '', modelVersionId: '', typeId: '', site: '' },
    ...{ windowStartMs: 0, timeKnown: true, resets: 0 },
    buildPrefix: message.build,
    schemaCrc: message.schema,
    n: message.n,
    confidenceBins: message.confidenceBins ?? 8,
    classes: message.classes,
    features,
    ood: message.ood ?? null,
    switches: message.switches ?? null,
    saturated: message.saturated ?? null,
    stuck: message.stuck ?? null,
    droppedFrames: message.droppedFrames ?? null,
    invalid: message.invalid ?? null,
    cyclesMean: message.cyclesMean ?? null,
    cyclesMax: message.cyclesMax ?? null,
  };
  const sums = noSums();
  const unpacked = new UnpackedWindow();
  unpacked.read(row, classes);
  addWindow(sums, row, unpacked);
  return sums;
}

/** Least and greatest of a feature without a value mean nothing, on either side. */
function withoutEmpty(sums: WindowSums): WindowSums {
  const seen = (values: number[] | null) =>
    values?.map((value, i) => (sums.featureSums![i * 3] === 0 ? 0 : value)) ?? null;
  return { ...sums, featureMin: seen(sums.featureMin), featureMax: seen(sums.featureMax) };
}

describe('windows that a device has merged', () => {
  it('should be what their windows add up to, in any order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...golden).chain((one) =>
          fc.record({
            one: fc.constant(one),
            order: fc.shuffledSubarray([...one.windows], { minLength: one.windows.length }),
          }),
        ),
        ({ one, order }) => {
          const parts = order.map((window) => sumsOf(window, one.classes));
          const merged = withoutEmpty(sumsOf(one.sum, one.classes));
          const whole = withoutEmpty(parts.reduce(mergeSums, noSums()));
          // A merged one is one message, and tells the mean of cycles as an integer.
          expect({ ...merged, windows: 0, cyclesSum: 0 }).toEqual({ ...whole, windows: 0, cyclesSum: 0 });
          expect(merged.cyclesSum).toBeLessThanOrEqual(whole.cyclesSum);
          expect(merged.cyclesSum).toBeGreaterThan(whole.cyclesSum - parts.length * whole.n);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('should be all kinds of them', () => {
    const kinds = golden.map(({ sum, classes }) => sumsOf(sum, classes));
    expect(kinds.some(({ ood }) => ood !== null) && kinds.some(({ ood }) => ood === null)).toBe(true);
    expect(new Set(kinds.map(({ featureSums }) => featureSums?.length ?? 0)).size).toBe(6);
  });
});
