// Multipliers, clamps and roundings, pinned against hand-computed integers.
import { describe, expect, it } from '@jest/globals';
import { addMultipliers } from './element-multipliers.js';
import fc from 'fast-check';
import { GraphBuilder } from './builder.js';
import { tensorOf, type Tensor } from './graph.js';
import {
  activationRange,
  denseMultiplier,
  frexp,
  quantizeMultiplier,
  roundHalfAway,
  softmaxMultiplier,
} from './multipliers.js';

function tensor(scale: number, zeroPoint = 0): Tensor {
  const b = new GraphBuilder('g');
  const id = b.input('t', [1, 4], { scale, zeroPoint });
  return tensorOf(b.build([id]), id);
}

describe('frexp', () => {
  it('should split every positive double exactly', () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: 1e300, noNaN: true }), (x) => {
        const { fraction, exponent } = frexp(x);
        expect(fraction).toBeGreaterThanOrEqual(0.5);
        expect(fraction).toBeLessThan(1);
        // In two steps: 2^exponent alone underflows for subnormals.
        expect(fraction * 2 ** Math.trunc(exponent / 2) * 2 ** (exponent - Math.trunc(exponent / 2))).toBe(x);
      }),
    );
  });
});

describe('roundHalfAway', () => {
  it.each([
    [0.5, 1],
    [-0.5, -1],
    [1.5, 2],
    [2.5, 3],
    [-2.5, -3],
    [2.4999, 2],
    [0, 0],
  ])('should round %f to %i', (x, rounded) => expect(roundHalfAway(x)).toBe(rounded));
});

describe('quantizeMultiplier', () => {
  it.each([
    [0, 0, 0],
    [1, 2 ** 30, 1],
    [0.5, 2 ** 30, 0],
    [0.25, 2 ** 30, -1],
    [0.1, 1717986918, -3],
    // Rounds up to 2^31, which becomes 2^30 and one more shift.
    [1 - 2 ** -34, 2 ** 30, 1],
    // Below 2^-32 everything is shifted out.
    [2 ** -33, 0, 0],
    [2 ** 29.5, 1518500250, 30],
  ])('should make %d into %i with shift %i', (real, value, shift) => {
    expect(quantizeMultiplier(real)).toEqual({ value, shift });
  });

  it('should stay within 2^-31 of the real factor', () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -31, max: 2 ** 29, noNaN: true }), (real) => {
        const { value, shift } = quantizeMultiplier(real);
        expect(Math.abs((value * 2 ** (shift - 31)) / real - 1)).toBeLessThanOrEqual(2 ** -31);
      }),
    );
  });

  it.each([2 ** 30, Infinity, NaN, -1])('should refuse %d', (real) => {
    expect(() => quantizeMultiplier(real)).toThrow(RangeError);
  });
});

describe('denseMultiplier', () => {
  it('should round the product of scales to float before it divides', () => {
    const [input, filter, output] = [tensor(0.1), tensor(0.3), tensor(0.7)];
    const asFloat = quantizeMultiplier(Math.fround(Math.fround(0.1) * Math.fround(0.3)) / Math.fround(0.7));
    const asDouble = quantizeMultiplier((Math.fround(0.1) * Math.fround(0.3)) / Math.fround(0.7));
    expect(denseMultiplier(input, filter, output)).toEqual(asFloat);
    expect(asFloat).not.toEqual(asDouble);
  });
});

describe('addMultipliers', () => {
  it('should give the operand of the larger scale one half', () => {
    const { a, b, output, leftShift } = addMultipliers(tensor(0.5), tensor(0.25), tensor(0.5));
    expect(leftShift).toBe(20);
    expect(a).toEqual({ value: 2 ** 30, shift: 0 });
    expect(b).toEqual({ value: 2 ** 30, shift: -1 });
    expect(output).toEqual({ value: 2 ** 30, shift: -18 });
  });

  it('should refuse an output scale that leaves nothing', () => {
    expect(() => addMultipliers(tensor(1), tensor(1), tensor(2 ** -20))).toThrow(RangeError);
  });
});

describe('softmaxMultiplier', () => {
  it('should scale differences to 5 integer bits and bound them', () => {
    // 2^-4 * 2^26 = 2^22: multiplier 2^30 with shift 23; radius 31 * 2^26 / 2^23.
    expect(softmaxMultiplier(tensor(2 ** -4), 1)).toEqual({ value: 2 ** 30, shift: 23, diffMin: -248 });
  });
});

describe('activationRange', () => {
  it.each([
    ['none', -128, 127],
    ['relu', -10, 127],
    ['relu6', -10, 110],
    ['relu_n1_to_1', -30, 10],
  ] as const)('should clamp %s to %i..%i', (activation, min, max) => {
    expect(activationRange(activation, tensor(0.05, -10))).toEqual({ min, max });
  });
});
