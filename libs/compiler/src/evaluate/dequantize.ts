// A quantized graph as the float graph it stands for: constants become the reals they mean, scales disappear. What is left
// between the two when both run is the error of computing in integers.
import type { Op } from '../ir/ops.js';
import { viewOf } from '../ir/cost.js';
import {
  DTYPE_BYTES,
  byteLength,
  elements,
  tensorOf,
  type Graph,
  type Quantization,
  type Tensor,
  type TensorId,
} from '../ir/graph.js';
import { LSTM } from '../ir/ops/recurrent.js';
import { numbersOf } from './ops/spec.js';

/** Biases have no scale of their own that a kernel reads: it is the input's times the weights'. */
const WEIGHTED = new Set(['conv_2d', 'depthwise_conv_2d', 'fully_connected', 'transpose_conv']);

export function dequantizeGraph(graph: Graph): Graph {
  const biases = new Map<TensorId, Quantization>();
  const product = (data: Tensor, filter: Tensor, bias: Tensor | undefined): void => {
    if (bias === undefined || data.quantization === null || filter.quantization === null) return;
    const scales = filter.quantization.scales.map((s) => s * data.quantization!.scales[0]!);
    const axis = scales.length > 1 ? 0 : null;
    biases.set(bias.id, { scales, zeroPoints: scales.map(() => 0), axis });
  };
  for (const op of graph.ops) {
    const { inputs } = viewOf(graph, op);
    if (WEIGHTED.has(op.kind)) product(inputs[0]!, inputs[1]!, inputs[2]);
    // State times time weights.
    if (op.kind === 'svdf') product(inputs[1]!, inputs[3]!, inputs[4]);
    if (op.kind === 'unidirectional_sequence_lstm') {
      for (let gate = 0; gate < 4; gate++)
        product(inputs[LSTM.input]!, inputs[LSTM.inputWeights + gate]!, inputs[LSTM.biases + gate]);
    }
  }
  const tensors = new Map([...graph.tensors].map(([id, tensor]) => [id, asFloat(tensor, biases.get(id))]));
  return { ...graph, tensors, ops: graph.ops.map((op) => withReals(graph, op)) };
}

/** What is padded with is a quantized integer in integer graphs. */
function withReals(graph: Graph, op: Op): Op {
  if (op.kind !== 'pad') return op;
  const { quantization } = tensorOf(graph, op.outputs[0]!);
  const { value } = op.attrs;
  return quantization === null
    ? op
    : {
        ...op,
        attrs: { ...op.attrs, value: (value - quantization.zeroPoints[0]!) * quantization.scales[0]! },
      };
}

function asFloat(tensor: Tensor, bias: Quantization | undefined): Tensor {
  const quantization = bias ?? tensor.quantization;
  if (quantization === null) return tensor;
  const float = { ...tensor, dtype: 'float32', quantization: null } as const;
  const { variable } = tensor;
  const reals = (data: Uint8Array): Uint8Array =>
    floatBytes(dequantize(tensor, numbersOf({ ...tensor, data }), quantization));
  if (variable === undefined) return { ...float, data: tensor.data && reals(tensor.data) };
  // A variable starts as zero bytes, which mean zero only where the zero point is.
  const initial = variable.initial ?? new Uint8Array(byteLength(tensor));
  return { ...float, variable: { initial: reals(initial) } };
}

/** The reals that integers stand for. */
export function dequantize(
  { shape }: { readonly shape: readonly number[] },
  integers: ArrayLike<number>,
  { scales, zeroPoints, axis }: Quantization,
): Float32Array {
  const inner = axis === null ? elements({ shape }) : elements({ shape: shape.slice(axis + 1) });
  return Float32Array.from(integers, (q, i) => {
    const slice = axis === null ? 0 : Math.floor(i / inner) % scales.length;
    return (q - zeroPoints[slice]!) * scales[slice]!;
  });
}

export function floatBytes(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length * DTYPE_BYTES.float32);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i]!, true);
  return bytes;
}
