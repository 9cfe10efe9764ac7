// A quantized graph as the float graph it stands for: constants become the reals they mean, scales disappear. What is left
// between the two when both run is the error of computing in integers.
import type { Op } from '../ir/ops.js';
import { viewOf } from '../ir/cost.js';
import {
  DTYPE_BYTES,
  elements,
  tensorOf,
  type Graph,
  type Quantization,
  type Tensor,
  type TensorId,
} from '../ir/graph.js';
import { numbersOf } from './ops/spec.js';

/** Biases have no scale of their own that a kernel reads: it is the input's times the weights'. */
const WEIGHTED = new Set(['conv_2d', 'depthwise_conv_2d', 'fully_connected', 'transpose_conv']);

export function dequantizeGraph(graph: Graph): Graph {
  const biases = new Map<TensorId, Quantization>();
  for (const op of graph.ops) {
    if (!WEIGHTED.has(op.kind)) continue;
    const { inputs } = viewOf(graph, op);
    const [data, filter, bias] = [inputs[0]!, inputs[1]!, inputs[2]];
    if (bias === undefined || data.quantization === null || filter.quantization === null) continue;
    const scales = filter.quantization.scales.map((s) => s * data.quantization!.scales[0]!);
    const axis = scales.length > 1 ? 0 : null;
    biases.set(bias.id, { scales, zeroPoints: scales.map(() => 0), axis });
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
  return {
    ...float,
    data: tensor.data && floatBytes(dequantize(tensor, numbersOf(tensor), quantization)),
    ...(variable === undefined
      ? {}
      : {
          variable: {
            initial:
              variable.initial &&
              floatBytes(dequantize(tensor, numbersOf({ ...tensor, data: variable.initial }), quantization)),
          },
        }),
  };
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
