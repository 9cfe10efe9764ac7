// What tools see of a bundle, and that damage never gives them more than a registered error.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { miniBundle } from '../test/mini-bundle.js';
import { readBundle } from './bundle-view.js';
import { DTYPES, ROLES, SPACES } from './generated/bundle-layout.js';

describe('readBundle', () => {
  it('should read header, contract, plan, labels and monitors', () => {
    const view = readBundle(miniBundle());
    expect(view).toMatchObject({
      abi: { major: 1, minor: 0 },
      arenaBytes: 32,
      stateBytes: 0,
      goldenCount: 0,
    });
    expect(view.inputs).toMatchObject([
      { direction: 'input', dims: [1, 4], bytes: 4, scale: 0.5, name: null },
    ]);
    expect(view.outputs).toMatchObject([
      { direction: 'output', role: ROLES.probabilities, classes: 4, offset: 16 },
    ]);
    expect(view.labels).toEqual(['a', 'bc', 'd', 'ée']);
    expect(view.steps).toMatchObject([
      { op: 'FULLY_CONNECTED', version: 1, params: { in_n: 4, activation_min: -128 } },
    ]);
    expect(view.steps[0]?.inputs[1]).toEqual({
      space: SPACES.const,
      dtype: DTYPES.int8.number,
      layout: 0,
      offset: 0,
      bytes: 16,
    });
    expect(view.steps[0]?.inputs[2]?.space).toBe(SPACES.none);
    expect(view.monitors).toMatchObject([{ kind: 1, bins: 8, count: 4 }]);
  });

  it('should refuse bytes that end too early with bundle.truncated', () => {
    const bundle = miniBundle();
    for (const length of [0, 4, 127, 160, 300])
      expect(() => readBundle(bundle.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'bundle.truncated' }),
      );
  });

  it('should never throw anything but a registered error, and never hang, whatever the bytes', () => {
    const good = miniBundle();
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          readBundle(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bundle.truncated' });
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
