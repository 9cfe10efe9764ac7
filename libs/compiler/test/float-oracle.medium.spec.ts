// Every op's float evaluation against the same op in integers: the single-operator models and outputs of TensorFlow Lite
// Micro's reference kernels (tools/oracle), with the integers turned into the reals they stand for. What is left is
// rounding, a few steps of the output's scale.
import { describe, expect, it } from '@jest/globals';
import { dequantize, dequantizeGraph } from '../src/evaluate/dequantize.js';
import { evaluateFloat, type Samples } from '../src/evaluate/evaluate.js';
import { openSource } from '../src/driver/frontends.js';
import { tensorOf, type DType, type Graph, type Tensor } from '../src/ir/graph.js';
import { readVectors, vectorFiles, type Frame, type VectorCase } from './vectors.js';

/** Steps of the output scale that rounding may cost; int16 softmax interpolates in tables. */
const STEPS: Readonly<Record<string, number>> = { int8: 3, uint8: 3, int16: 24, int32: 16 };

/** Vectors where the integers leave what they approximate: sums that wrap or saturate, steps coarser than the function. */
const BEYOND = new Set([
  'FULLY_CONNECTED.int16 large bias',
  'MUL.int16 multiplier above one',
  'LOGISTIC.int8 scale 20.0 zero 127',
  'TANH.int8 scale 20.0 zero 127',
  'SOFTMAX.int8 four dimensions',
  'SOFTMAX.int8 many classes',
  'SOFTMAX.int8 int16 output many',
  'SOFTMAX.int16 many classes',
]);

function reals(tensor: Tensor, data: Uint8Array, type: string): Float32Array {
  // The frontend makes int8 of uint8 interfaces: q - 128.
  const shifted = type === 'uint8' && tensor.dtype === 'int8';
  const integers = integersOf(shifted ? data.map((byte) => byte ^ 0x80) : data, tensor.dtype);
  return tensor.quantization === null
    ? Float32Array.from(integers)
    : dequantize(tensor, integers, tensor.quantization);
}

function integersOf(data: Uint8Array, dtype: DType): ArrayLike<number> {
  const copy = new Uint8Array(data).buffer;
  if (dtype === 'int8') return new Int8Array(copy);
  if (dtype === 'int16') return new Int16Array(copy);
  if (dtype === 'int32') return new Int32Array(copy);
  return new Uint8Array(copy);
}

/** Largest difference in steps, after saturation as the integers saturate. */
function stepsApart(tensor: Tensor, float: ArrayLike<number>, device: Float32Array): number {
  const scale = tensor.quantization?.scales[0] ?? 1;
  const zero = tensor.quantization?.zeroPoints[0] ?? 0;
  const [low, high] =
    tensor.dtype === 'int16'
      ? [-32_768, 32_767]
      : tensor.dtype === 'int8'
        ? [-128, 127]
        : [-Infinity, Infinity];
  let worst = 0;
  for (let i = 0; i < device.length; i++) {
    const held = Math.min(Math.max(float[i]!, (low - zero) * scale), (high - zero) * scale);
    worst = Math.max(worst, Math.abs(held - device[i]!) / scale);
  }
  return worst;
}

async function worstOf(one: VectorCase, graph: Graph, frames: readonly Frame[]): Promise<number> {
  const float = dequantizeGraph(graph);
  const samples: Samples = {
    count: frames.length,
    inputs: graph.inputs.map((id, i) => {
      const parts = frames.map((frame) => reals(tensorOf(graph, id), frame.inputs[i]!, one.inputs[i]![0]));
      return Float32Array.from(parts.flatMap((part) => [...part]));
    }),
  };
  let worst = 0;
  await evaluateFloat(float, samples, {
    reset: false,
    visit: (id, values, first, count) => {
      const i = graph.outputs.indexOf(id);
      const size = values.length / count;
      for (let k = 0; k < count; k++) {
        const device = reals(tensorOf(graph, id), frames[first + k]!.outputs[i]!, one.outputs[i]![0]);
        worst = Math.max(
          worst,
          stepsApart(tensorOf(graph, id), values.subarray(k * size, (k + 1) * size), device),
        );
      }
    },
  });
  return worst;
}

describe('float evaluation', () => {
  for (const file of vectorFiles()) {
    const [op, type] = file.split('.') as [string, string];
    // Conversions between integers mean nothing in reals; random vectors saturate states, which
    // never forget it, and SVDF's integers leave a zero point in theirs.
    if (['CAST', 'SVDF', 'READ_VARIABLE', 'UNIDIRECTIONAL_SEQUENCE_LSTM'].includes(op)) continue;
    it(`should mean in floats what ${op} means in ${type}`, async () => {
      const apart: string[] = [];
      for (const one of readVectors(file).filter(({ name }) => !BEYOND.has(`${op}.${type} ${name}`))) {
        const { graph } = openSource({ bytes: one.bytes, fileName: one.name });
        for (const frames of one.frames) {
          const worst = await worstOf(one, graph, frames);
          if (!(worst <= STEPS[type]!)) apart.push(`${one.name}: ${worst.toFixed(1)} steps`);
        }
      }
      expect(apart).toEqual([]);
    });
  }
});
