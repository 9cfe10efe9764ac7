// Float models: float32 as it stands, narrower weights widened, nothing between float and integer.
import { describe, expect, it } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import { floatConvNet, floatResidualNet } from '../../../test/float-models.js';
import { MODELS } from '../../../test/models.js';
import { writeFlatbuffer } from '../../backends/tflite/flatbuffer-writer.js';
import { writeTflite } from '../../backends/tflite/write.js';
import { GraphBuilder } from '../../ir/builder.js';
import { dumpGraph } from '../../ir/dump.js';
import { float32Values, isFloat, type Graph } from '../../ir/graph.js';
import { MODEL, TENSOR_TYPES } from '../../ir/tflite-schema.js';
import { verify } from '../../ir/verify.js';
import { readFlatbuffer } from './flatbuffer-reader.js';
import { float16 } from '../net/float16.js';
import { DEFAULT_LIMITS } from './limits.js';
import { open } from './open.js';

function changed(graph: Graph, change: (model: any) => void): Uint8Array {
  const model = structuredClone(readFlatbuffer(writeTflite(graph), MODEL, DEFAULT_LIMITS));
  change(model);
  return writeFlatbuffer(MODEL, 'TFL3', model);
}

function codeOf(file: Uint8Array, limits = DEFAULT_LIMITS): string {
  try {
    open(file, limits);
  } catch (error) {
    if (error instanceof FleetError) return error.code;
    throw error;
  }
  return 'accepted';
}

const named = (graph: Graph, name: string) => [...graph.tensors.values()].find((t) => t.name === name)!;

describe('open', () => {
  it.each([floatConvNet(), floatResidualNet()])('should read a float model ($name)', (graph) => {
    const file = writeTflite(graph);
    const read = open(file);
    verify(read, 'frontend');
    expect(isFloat(read)).toBe(true);
    expect(dumpGraph(read)).toBe(dumpGraph(graph));
  });

  it('should turn the int8 weights of a dynamic-range model into floats, channel by channel', () => {
    const file = changed(floatConvNet(), (model) => {
      const { tensors } = model.subgraphs[0];
      const weights = tensors.find((t: any) => t.name === 'conv/w');
      weights.type = TENSOR_TYPES.indexOf('int8');
      weights.quantization = { scale: [0.5, 1, 2, 4], zeroPoint: [0, 0, 0, 0], quantizedDimension: 0 };
      model.buffers[weights.buffer].data = Uint8Array.from({ length: 72 }, (_, i) => (i % 18) - 9);
    });
    const graph = open(file);
    verify(graph, 'frontend');
    const values = float32Values(named(graph, 'conv/w'));
    expect([...values.slice(0, 3)]).toEqual([-4.5, -4, -3.5]);
    expect([...values.slice(54, 57)]).toEqual([-36, -32, -28]);
  });

  it('should read float16 weights through their DEQUANTIZE', () => {
    const file = changed(floatConvNet(), (model) => {
      const [graph] = model.subgraphs;
      const weights = graph.tensors.findIndex((t: any) => t.name === 'dense/b');
      const half = { ...graph.tensors[weights], name: 'half', type: TENSOR_TYPES.indexOf('float16') };
      model.buffers[half.buffer].data = Uint8Array.from([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00]);
      graph.tensors[weights].buffer = 0;
      const id = graph.tensors.push(half) - 1;
      const code = model.operatorCodes.push({ builtinCode: 6, deprecatedBuiltinCode: 6, version: 3 }) - 1;
      graph.operators.unshift({ opcodeIndex: code, inputs: [id], outputs: [weights] });
    });
    const graph = open(file);
    verify(graph, 'frontend');
    expect([...float32Values(named(graph, 'dense/b'))]).toEqual([1, -2, 2 ** -24]);
    expect(graph.ops).toHaveLength(6);
  });

  it('should refuse a graph that is float here and integer there', () => {
    const file = changed(MODELS['convNet']!(), (model) => {
      const { tensors, outputs } = model.subgraphs[0];
      tensors[outputs[0]].type = 0;
      tensors[outputs[0]].quantization = null;
    });
    expect(codeOf(file)).toBe('compiler.mixed-types');
  });

  it('should bound what shared buffers become as floats', () => {
    const b = new GraphBuilder('sums');
    let sum = b.input('x', [1, 4096], null);
    for (let i = 0; i < 20; i++) {
      sum = b.add(sum, b.constant(`c${i}`, [1, 4096], new Float32Array(4096)), { name: `sum${i}` });
    }
    const file = changed(b.build([sum]), (model) => {
      const constants = model.subgraphs[0].tensors.filter((t: any) => t.name.startsWith('c'));
      for (const tensor of constants) {
        Object.assign(tensor, { type: TENSOR_TYPES.indexOf('int8'), buffer: constants[0].buffer });
        tensor.quantization = { scale: [0.5], zeroPoint: [0] };
      }
      model.buffers = model.buffers.map(() => ({}));
      model.buffers[constants[0].buffer].data = new Uint8Array(4096);
    });
    expect(file.length).toBeLessThan(20_000);
    expect(codeOf(file, { ...DEFAULT_LIMITS, fileBytes: 20 * 4096 })).toBe('accepted');
    expect(codeOf(file, { ...DEFAULT_LIMITS, fileBytes: 20 * 4096 - 1 })).toBe('compiler.limit-exceeded');
  });
});

describe('float16', () => {
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x7bff, 65_504],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
  ])('should read %i as %d', (bits, value) => {
    expect(float16(bits)).toBe(value);
  });
});
