// Every rule of the IR, with a graph that breaks it.
import { describe, expect, it } from '@jest/globals';
import { MODELS } from '../../test/models.js';
import type { Graph, Tensor } from './graph.js';
import { IrViolation, verify } from './verify.js';

const graph = MODELS['convNet']!();

function withTensor(id: number, change: Partial<Tensor>): Graph {
  return { ...graph, tensors: new Map([...graph.tensors, [id, { ...graph.tensors.get(id)!, ...change }]]) };
}

function withOp(index: number, change: object): Graph {
  const ops = graph.ops.map((op, i) => (i === index ? { ...op, ...change } : op));
  return { ...graph, ops };
}

const conv = graph.ops[0]!;

describe('verify', () => {
  it('should accept what the builder makes', () => {
    for (const make of Object.values(MODELS)) expect(() => verify(make(), 'builder')).not.toThrow();
  });

  it.each<[string, Graph, RegExp]>([
    ['reversed ops', { ...graph, ops: graph.ops.toReversed() }, /before it is defined/],
    ['an op twice', { ...graph, ops: [...graph.ops, { ...conv, name: 'again' }] }, /assigned twice/],
    ['one name twice', withOp(1, { name: conv.name }), /two ops are called/],
    ['an output nobody makes', { ...graph, outputs: [999] }, /nothing produces/],
    ['a root nobody makes', { ...graph, roots: [999] }, /nothing produces/],
    ['a constant input', { ...graph, inputs: [conv.inputs[1]!] }, /missing or constant/],
    ['an extent of 0', withTensor(conv.outputs[0]!, { shape: [1, 0, 4, 4] }), /extents/],
    [
      'a wrong output extent',
      withTensor(conv.outputs[0]!, { shape: [1, 5, 5, 4] }),
      /do not follow from the window/,
    ],
    ['short data', withTensor(conv.inputs[1]!, { data: new Uint8Array(3) }), /data of another size/],
    [
      'a scale that is no float32',
      withTensor(conv.outputs[0]!, { quantization: q(0.1) }),
      /no positive float32/,
    ],
    ['a zero point beyond int8', withTensor(conv.outputs[0]!, { quantization: q(0.5, 200) }), /zero point/],
    ['no quantization', withTensor(conv.outputs[0]!, { quantization: null }), /no quantization/],
    ['a missing operand', withOp(0, { inputs: [conv.inputs[0]] }), /number of operands/],
    [
      'negative padding',
      withOp(0, { attrs: { ...conv.attrs, padding: { top: -1, left: 0, bottom: 0, right: 0 } } }),
      /negative/,
    ],
    ['a stride of 0', withOp(0, { attrs: { ...conv.attrs, strideH: 0 } }), /below 1/],
  ])('should refuse %s and name the pass', (_, broken, rule) => {
    expect(() => verify(broken, 'some-pass')).toThrow(rule);
    expect(() => verify(broken, 'some-pass')).toThrow(IrViolation);
    expect(() => verify(broken, 'some-pass')).toThrow(/after some-pass/);
  });
});

function q(scale: number, zeroPoint = 0) {
  return { scales: [scale], zeroPoints: [zeroPoint], axis: null };
}
