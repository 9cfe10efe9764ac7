// Ops with windows or weights: convolutions, dense layers, pools.
import { elements, type Tensor } from '../graph.js';
import { windowOutput } from '../shapes.js';
import {
  checkBias,
  checkQuantized,
  checkSameType,
  type Activation,
  type Check,
  type OpSpecs,
  type OpView,
  type Window2d,
} from './spec.js';

export interface ConvAttrs extends Window2d {
  readonly dilationH: number;
  readonly dilationW: number;
  readonly activation: Activation;
  /**
   * Of a uint8 model: the weights may have a zero point, and the one multiplier of all channels is made of the product of
   * input and filter scale as a float32, as TFLite's uint8 kernels do.
   */
  readonly legacy?: boolean;
}

export interface TransposeConvAttrs extends Window2d {
  readonly activation: Activation;
  readonly legacy?: boolean;
}

export interface PoolAttrs extends Window2d {
  readonly filterH: number;
  readonly filterW: number;
  readonly activation: Activation;
}

export interface DenseAttrs {
  readonly activation: Activation;
  readonly legacy?: boolean;
}

export interface ConvolutionOps {
  /** input NHWC, filter [out, kh, kw, in / groups], bias [out] or none. */
  conv_2d: ConvAttrs;
  /**
   * input NHWC, filter [out, kh, kw, in], bias [out] or none. Input (y, x) adds to outputs from (y * stride - padding) on; the
   * padding is what is cut off the full output. Extents of the output are its own, as several fit one input.
   */
  transpose_conv: TransposeConvAttrs;
  /** input NHWC, filter [1, kh, kw, in * depthMultiplier], bias or none. */
  depthwise_conv_2d: ConvAttrs & { readonly depthMultiplier: number };
  /** input [.., k] flattened to [batches, k], filter [units, k], bias [units] or none. */
  fully_connected: DenseAttrs;
  average_pool_2d: PoolAttrs;
  max_pool_2d: PoolAttrs;
}

export const CONVOLUTION_OPS: OpSpecs<ConvolutionOps> = {
  conv_2d: {
    code: 3,
    minInputs: 2,
    maxInputs: 3,
    constantFrom: 1,
    check: checkConvolution,
    macs: ({ inputs, outputs }) => {
      const [, kh, kw, depth] = inputs[1]!.shape;
      return elements(outputs[0]!) * (kh! * kw! * depth!);
    },
  },
  depthwise_conv_2d: {
    code: 4,
    minInputs: 2,
    maxInputs: 3,
    constantFrom: 1,
    check: checkConvolution,
    macs: ({ inputs, outputs }) => elements(outputs[0]!) * inputs[1]!.shape[1]! * inputs[1]!.shape[2]!,
  },
  transpose_conv: {
    code: 67,
    minInputs: 2,
    maxInputs: 3,
    constantFrom: 1,
    check: checkTransposeConv,
    macs: ({ inputs }) => {
      const [out, kh, kw] = inputs[1]!.shape;
      return elements(inputs[0]!) * (out! * kh! * kw!);
    },
  },
  fully_connected: {
    code: 9,
    minInputs: 2,
    maxInputs: 3,
    constantFrom: 1,
    check: checkDense,
    macs: ({ inputs, outputs }) => elements(outputs[0]!) * inputs[1]!.shape[1]!,
  },
  average_pool_2d: {
    code: 1,
    minInputs: 1,
    maxInputs: 1,
    constantFrom: 1,
    check: checkPool,
    work: poolWork,
  },
  max_pool_2d: { code: 17, minInputs: 1, maxInputs: 1, constantFrom: 1, check: checkPool, work: poolWork },
};

function poolWork({ attrs, outputs }: OpView<PoolAttrs>): number {
  return elements(outputs[0]!) * attrs.filterH * attrs.filterW;
}

function checkConvolution(op: OpView<ConvAttrs & { readonly depthMultiplier?: number }>, check: Check): void {
  const [input, filter, bias] = op.inputs as [Tensor, Tensor, Tensor?];
  const output = op.outputs[0]!;
  checkSameType([input, output], check);
  check(
    [input, output, filter].every((t) => t.shape.length === 4),
    'ranks are not 4',
  );
  const { depthMultiplier } = op.attrs;
  const channels = depthMultiplier === undefined ? filter.shape[0]! : filter.shape[3]!;
  if (depthMultiplier === undefined) {
    const groups = input.shape[3]! / filter.shape[3]!;
    check(Number.isInteger(groups) && channels % groups === 0, 'filter depth does not fit the input depth');
  } else check(channels === input.shape[3]! * depthMultiplier, 'filter depth is not depth x multiplier');
  check(output.shape[3] === channels, 'output depth is not the filter count');
  checkBias(bias, input, channels, check);
  checkWindow(op.attrs, [filter.shape[1]!, filter.shape[2]!], input, output, check);
  checkQuantized([input, filter, output], check);
}

function checkTransposeConv(op: OpView<TransposeConvAttrs>, check: Check): void {
  const [input, filter, bias] = op.inputs as [Tensor, Tensor, Tensor?];
  const output = op.outputs[0]!;
  checkSameType([input, output], check);
  check(
    [input, output, filter].every((t) => t.shape.length === 4),
    'ranks are not 4',
  );
  check(filter.shape[3] === input.shape[3], 'filter depth is not the input depth');
  check(output.shape[3] === filter.shape[0], 'output depth is not the filter count');
  check(input.shape[0] === output.shape[0], 'batch changes');
  const extents = [op.attrs.strideH, op.attrs.strideW, op.attrs.padding.top + 1, op.attrs.padding.left + 1];
  check(
    extents.every((n) => Number.isInteger(n) && n >= 1),
    'stride below 1 or negative padding',
  );
  checkBias(bias, input, filter.shape[0]!, check);
  checkQuantized([input, filter, output], check);
}

function checkDense(op: OpView<DenseAttrs>, check: Check): void {
  const [input, filter, bias] = op.inputs as [Tensor, Tensor, Tensor?];
  const output = op.outputs[0]!;
  checkSameType([input, output], check);
  check(filter.shape.length === 2, 'filter rank is not 2');
  check(elements(input) % filter.shape[1]! === 0, 'input does not divide by the filter width');
  const batches = elements(input) / filter.shape[1]!;
  check(elements(output) === batches * filter.shape[0]!, 'output size is not batches x units');
  checkBias(bias, input, filter.shape[0]!, check);
  checkQuantized([input, filter, output], check);
}

function checkPool(op: OpView<PoolAttrs>, check: Check): void {
  const [input, output] = [op.inputs[0]!, op.outputs[0]!];
  checkSameType([input, output], check);
  check(input.shape.length === 4 && output.shape.length === 4, 'ranks are not 4');
  check(input.shape[3] === output.shape[3], 'depth changes');
  checkWindow(op.attrs, [op.attrs.filterH, op.attrs.filterW], input, output, check);
  checkQuantized([input, output], check);
}

function checkWindow(
  attrs: ConvAttrs | PoolAttrs,
  [filterH, filterW]: readonly [number, number],
  input: Tensor,
  output: Tensor,
  check: Check,
): void {
  const extents = [attrs.strideH, attrs.strideW, filterH, filterW];
  check(
    extents.every((n) => Number.isInteger(n) && n >= 1),
    'stride or filter below 1',
  );
  check(
    Object.values(attrs.padding).every((n) => Number.isInteger(n) && n >= 0),
    'negative padding',
  );
  const expected = windowOutput({ h: input.shape[1]!, w: input.shape[2]! }, { ...attrs, filterH, filterW });
  check(input.shape[0] === output.shape[0], 'batch changes');
  check(
    expected.h === output.shape[1] && expected.w === output.shape[2],
    'output extents do not follow from the window',
  );
}
