// Multipliers of element-wise ops, pinned against hand-computed integers; what no kernel computes is refused.
import { describe, expect, it } from '@jest/globals';
import { GraphBuilder } from './builder.js';
import {
  addMultipliers,
  curveMultiplier,
  hardSwishMultipliers,
  leakyReluMultipliers,
  wideCurveMultiplier,
} from './element-multipliers.js';
import { tensorOf, type DType, type Tensor } from './graph.js';
import { eluTable, sigmoidTable } from './lookup-tables.js';

function tensor(scale: number, dtype: DType = 'int8'): Tensor {
  const b = new GraphBuilder('g');
  const id = b.input('t', [1, 4], { scale }, dtype);
  return tensorOf(b.build([id]), id);
}

describe('addMultipliers', () => {
  it('should leave int16 fewer fractional bits', () => {
    const wide = tensor(0.5, 'int16');
    const { leftShift, a, output } = addMultipliers(wide, wide, wide);
    expect([leftShift, a, output]).toEqual([
      15,
      { value: 2 ** 30, shift: 0 },
      { value: 2 ** 30, shift: -13 },
    ]);
  });
});

describe('leakyReluMultipliers', () => {
  it('should keep the sign of alpha', () => {
    const { positive, negative } = leakyReluMultipliers(tensor(1), tensor(1), -0.25);
    expect([positive, negative]).toEqual([
      { value: 2 ** 30, shift: 1 },
      { value: -(2 ** 30), shift: -1 },
    ]);
  });
});

describe('hardSwishMultipliers', () => {
  it('should refuse what shifts 16-bit numbers away', () => {
    const { output, factor } = hardSwishMultipliers(tensor(3 / 128), tensor(3 / 128));
    expect([output, factor]).toEqual([
      { value: 2 ** 14, shift: -6 },
      { value: 2 ** 14, shift: 2 },
    ]);
    expect(() => hardSwishMultipliers(tensor(1), tensor(1 / 256))).toThrow(RangeError);
    expect(() => hardSwishMultipliers(tensor(2 ** -24), tensor(2 ** -24))).toThrow(RangeError);
  });
});

describe('curveMultiplier', () => {
  it('should give the radius beyond which the curve is flat', () => {
    expect(curveMultiplier(tensor(0.25))).toEqual({ value: 2 ** 30, shift: 26, radius: 30 });
    expect(curveMultiplier(tensor(2 ** -10)).radius).toBe(256);
    expect(curveMultiplier(tensor(100))).toEqual({ value: 0, shift: 0, radius: 0 });
    expect(() => curveMultiplier(tensor(2 ** -29))).toThrow(RangeError);
  });
});

describe('wideCurveMultiplier', () => {
  it('should take powers of two as they are, and refuse scales without a multiplier', () => {
    expect(wideCurveMultiplier(tensor(2 ** -12, 'int16'), 0)).toEqual({ value: 3, shift: 0 });
    expect(wideCurveMultiplier(tensor(2 ** -11, 'int16'), 1)).toEqual({ value: 6, shift: 0 });
    expect(wideCurveMultiplier(tensor(2 ** -11, 'int16'), 0)).toEqual({ value: 24_576, shift: 12 });
    expect(() => wideCurveMultiplier(tensor(3, 'int16'), 0)).toThrow(RangeError);
    expect(() => wideCurveMultiplier(tensor(1e-20, 'int16'), 0)).toThrow(RangeError);
  });
});

describe('tables', () => {
  it('should hold the ends of the logistic function, less the error of interpolation', () => {
    const table = sigmoidTable();
    expect(table).toHaveLength(256);
    expect([table[0], table[4], table[35], table[255]]).toEqual([
      0,
      35_493 - 32_768,
      53_169 - 32_768,
      32_767,
    ]);
  });

  it('should hold ELU of every int8', () => {
    const table = eluTable({ scale: 0.1, zeroPoint: 0 }, { scale: 0.05, zeroPoint: 10 });
    // -12.8 -> -1; -0.1 -> -0.0952; 0.5 -> 0.5; 12.7 is beyond the output.
    expect([table[0], table[127], table[133], table[255]]).toEqual([-10, 8, 20, 127]);
  });
});
