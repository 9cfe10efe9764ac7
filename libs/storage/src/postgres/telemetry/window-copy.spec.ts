/** Windows as bytes: what is read back for the rollups is what was written for the table. */
import { describe, expect, it } from '@jest/globals';
import type { FoldedWindow, WindowRow } from '@tinyfleet/telemetry';
import fc from 'fast-check';
import { encodeWindows, readWindows } from './window-copy.js';

const int = (max: number) => fc.option(fc.nat(max));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const row: fc.Arbitrary<WindowRow> = fc
  .record({
    ids: fc.tuple(fc.uuid(), fc.uuid(), fc.uuid(), fc.uuid()),
    bootId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    sequence: fc.nat(2 ** 32 - 1),
    windowStartMs: fc.integer({ min: -1e12, max: 4e12 }),
    windowMs: fc.nat(7 * 86_400_000),
    receivedAtMs: fc.nat(4e12),
    timeKnown: fc.boolean(),
    site: fc.string({ unit: 'grapheme', maxLength: 12 }),
    buildPrefix: bytes(8),
    schemaCrc: fc.nat(2 ** 32 - 1),
    n: fc.nat(4_095),
    confidenceBins: fc.nat(16),
    classes: bytes(60),
    features: fc.option(bytes(200)),
    ood: fc.option(bytes(20)),
    cycles: fc.tuple(int(2 ** 32 - 1), int(2 ** 53 - 1)),
    counters: fc.tuple(int(65_535), int(65_535), int(65_535), int(65_535), int(65_535), int(65_535)),
    firstIndex: int(2 ** 40),
    batteryPercent: int(100),
  })
  .map(({ ids, cycles, counters, ...rest }) => ({
    ...rest,
    ...{ projectId: ids[0], deviceId: ids[1], modelVersionId: ids[2], typeId: ids[3], component: 0 },
    ...{ cyclesMean: cycles[0], cyclesMax: cycles[1], arenaBytes: 16, stackBytes: null },
    ...{ switches: counters[0], saturated: counters[1], stuck: counters[2], droppedFrames: counters[3] },
    ...{ invalid: counters[4], resets: counters[5] },
  }));
const folded = (one: FoldedWindow): FoldedWindow => {
  const { projectId, deviceId, modelVersionId, typeId, site, buildPrefix, schemaCrc, confidenceBins } = one;
  const { windowStartMs, timeKnown, n, classes, features, ood, switches, saturated, stuck } = one;
  const { droppedFrames, invalid, resets, cyclesMean, cyclesMax } = one;
  return {
    ...{ projectId, deviceId, modelVersionId, typeId, site, buildPrefix: Uint8Array.from(buildPrefix) },
    ...{ schemaCrc, confidenceBins, windowStartMs, timeKnown, n, classes: Uint8Array.from(classes) },
    ...{ features: features && Uint8Array.from(features), ood: ood && Uint8Array.from(ood), switches },
    ...{ saturated, stuck, droppedFrames, invalid, resets, cyclesMean, cyclesMax },
  };
};
const one = fc.sample(row, 1)[0]!;

describe('windows as bytes', () => {
  it('should be read as they were written', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), (rows) => {
        // A device's windows stand together: its keys are read once.
        const twice = rows.flatMap((each) => [each, { ...each, n: each.n + 1 }]);
        const read = Array.from(readWindows(encodeWindows(twice, '12')), folded);
        expect(read).toEqual(twice.map(folded));
      }),
      { numRuns: 100 },
    );
  });

  it('should hold the largest that a column takes and refuse one more', () => {
    const fits = { n: 2 ** 31 - 1, batteryPercent: 2 ** 15 - 1, firstIndex: 2 ** 53 - 1 };
    const wide = (changes: Partial<WindowRow>) => () => encodeWindows([{ ...one, ...fits, ...changes }], '1');
    expect(wide({})).not.toThrow();
    for (const [name, most] of Object.entries(fits)) expect(wide({ [name]: most + 1 })).toThrow(RangeError);
  });
});
