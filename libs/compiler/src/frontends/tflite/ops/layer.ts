// Operands that all layers with weights have: activations in and out of one type, int8 weights (float ones beside floats), an
// optional bias.
import { elements, type Tensor } from '../../../ir/graph.js';
import { DATA16, ids, type OpContext } from '../context.js';

export interface Layer {
  readonly input: Tensor;
  readonly filter: Tensor;
  readonly bias: Tensor | undefined;
  readonly output: Tensor;
  /** Of a uint8 model: see ConvAttrs. */
  readonly legacy: boolean;
}

/** Types of a bias beside activations of a type. */
const BIASES: Readonly<Record<string, readonly string[]>> = {
  int8: ['int32'],
  int16: ['int64', 'int32'],
  float32: ['float32'],
};

/** Positions of the operands; `channelAxis` is the filter's dimension of output channels. Null: faults were recorded. */
export function layerOperands(
  context: OpContext,
  at: {
    readonly input: number;
    readonly filter: number;
    readonly bias: number;
    readonly channelAxis: number;
  },
): Layer | null {
  const input = context.input(at.input, DATA16);
  if (input === null) return null;
  const filter = context.input(at.filter, [input.dtype === 'float32' ? 'float32' : 'int8']);
  const output = context.output([input.dtype]);
  const bias = context.has(at.bias) ? context.input(at.bias, BIASES[input.dtype]) : undefined;
  if (filter === null || output === null || bias === null) return null;
  if (!symmetric(context, input, output) || !context.weights(filter, at.channelAxis)) return null;
  if (input.dtype === 'int16' && !fits64Bits(context, filter, bias)) return null;
  return { input, filter, bias, output, legacy: context.isLegacy(filter) };
}

/** The kernels' 64-bit accumulators of int16 layers stay below 2^47: 2^23 products of at most 2^22 and a bias below 2^46. */
const MOST_TERMS = 2 ** 23;
const BIAS_BITS = 47;

function fits64Bits(context: OpContext, filter: Tensor, bias: Tensor | undefined): boolean {
  if (elements(filter) > MOST_TERMS) return context.quantization(filter, 'it is too large for int16 sums');
  if (bias?.dtype !== 'int64' || bias.data === null) return true;
  const view = new DataView(bias.data.buffer, bias.data.byteOffset, bias.data.byteLength);
  for (let i = 0; i < bias.data.length; i += 8) {
    const value = view.getBigInt64(i, true);
    // The least value of 47 bits has no positive twin: the kernels' bound is symmetric.
    if (value !== BigInt.asIntN(BIAS_BITS, value) || value === -(2n ** 46n))
      return context.quantization(bias, 'a value is beyond 2^46');
  }
  return true;
}

/** One scale each; the kernels know no zero points of int16. */
export function symmetric(context: OpContext, ...tensors: readonly Tensor[]): boolean {
  if (!context.perTensor(...tensors)) return false;
  const odd = tensors.find((t) => t.dtype === 'int16' && t.quantization!.zeroPoints[0] !== 0);
  return odd === undefined || context.quantization(odd, 'int16 layers need zero point 0');
}

export function layerInputs({ input, filter, bias }: Layer): number[] {
  return bias === undefined ? ids(input, filter) : ids(input, filter, bias);
}
