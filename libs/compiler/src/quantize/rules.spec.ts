// What can be evaluated in floats can be quantized.
import { describe, expect, it } from '@jest/globals';
import { FLOAT_OPS } from '../evaluate/ops/table.js';
import { OPS, type OpKind } from '../ir/ops.js';
import { ruleOf } from './rules.js';

const kinds = Object.keys(OPS) as OpKind[];

describe('rules', () => {
  it('should be there for every op that can be evaluated in floats, but the conversion between scales', () => {
    const evaluated = kinds.filter((kind) => FLOAT_OPS[kind] !== undefined);
    expect(evaluated.filter((kind) => ruleOf(kind) === undefined).sort()).toEqual(['quantize', 'svdf']);
  });
});
