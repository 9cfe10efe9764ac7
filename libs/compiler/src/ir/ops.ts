// The ops the IR knows: their attributes, operands and TFLite builtin codes. A new op is one entry in each table here,
// one file in frontends/tflite/ops and one lowering; the verifier and the dump follow from these tables.
import type { TensorId } from './graph.js';

export type Activation = 'none' | 'relu' | 'relu_n1_to_1' | 'relu6';

/** Rows and columns of explicit zero-point padding around an NHWC input. */
export interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export interface Window2d {
  readonly strideH: number;
  readonly strideW: number;
  readonly padding: Padding;
}

export interface ConvAttrs extends Window2d {
  readonly dilationH: number;
  readonly dilationW: number;
  readonly activation: Activation;
}

export interface PoolAttrs extends Window2d {
  readonly filterH: number;
  readonly filterW: number;
  readonly activation: Activation;
}

/** Nothing but operands. */
export type NoAttrs = Readonly<Record<string, never>>;

export interface OpAttrs {
  /** input NHWC, filter [out, kh, kw, in], bias int32 [out] or none. */
  conv_2d: ConvAttrs;
  /** input NHWC, filter [1, kh, kw, in * depthMultiplier], bias int32 or none. */
  depthwise_conv_2d: ConvAttrs & { readonly depthMultiplier: number };
  /** input [.., k] flattened to [batches, k], filter [units, k], bias int32 [units] or none. */
  fully_connected: { readonly activation: Activation };
  average_pool_2d: PoolAttrs;
  max_pool_2d: PoolAttrs;
  /** Over the last dimension. beta is an exact float32. */
  softmax: { readonly beta: number };
  /** A step that copies bytes. */
  reshape: NoAttrs;
  /** The same bytes under another shape: no step at run time, both tensors share storage. */
  view: NoAttrs;
  /** Element-wise sum; shapes broadcast as in NumPy, at most 5 dimensions. */
  add: { readonly activation: Activation };
  /** A clamp that requantizes when its output's scale differs: kept only until it is fused. */
  relu: { readonly activation: Exclude<Activation, 'none'> };
}

export type OpKind = keyof OpAttrs;

export type OpOf<K extends OpKind> = {
  readonly kind: K;
  /** Unique in the graph; the model's own node name where it has one. */
  readonly name: string;
  /** Operands in TFLite's order; a missing bias is left off. */
  readonly inputs: readonly TensorId[];
  readonly output: TensorId;
  readonly attrs: OpAttrs[K];
  /** Position in the source model, for reports and layer-by-layer comparison. */
  readonly sourceIndex: number;
};

export type Op = { [K in OpKind]: OpOf<K> }[OpKind];

export interface OpSpec {
  /** TFLite builtin code; null for what exists in the IR only. */
  readonly code: number | null;
  readonly minInputs: number;
  readonly maxInputs: number;
  /** Operands from this index on must be constants. */
  readonly constantFrom: number;
}

export const OPS: Readonly<Record<OpKind, OpSpec>> = {
  add: { code: 0, minInputs: 2, maxInputs: 2, constantFrom: 2 },
  average_pool_2d: { code: 1, minInputs: 1, maxInputs: 1, constantFrom: 1 },
  conv_2d: { code: 3, minInputs: 2, maxInputs: 3, constantFrom: 1 },
  depthwise_conv_2d: { code: 4, minInputs: 2, maxInputs: 3, constantFrom: 1 },
  fully_connected: { code: 9, minInputs: 2, maxInputs: 3, constantFrom: 1 },
  max_pool_2d: { code: 17, minInputs: 1, maxInputs: 1, constantFrom: 1 },
  relu: { code: 19, minInputs: 1, maxInputs: 1, constantFrom: 1 },
  reshape: { code: 22, minInputs: 1, maxInputs: 1, constantFrom: 1 },
  softmax: { code: 25, minInputs: 1, maxInputs: 1, constantFrom: 1 },
  view: { code: null, minInputs: 1, maxInputs: 1, constantFrom: 1 },
};
