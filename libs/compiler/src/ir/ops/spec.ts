// What an op's family file says about it: operands, TFLite's code, rules beyond counts, and the work it does. The verifier,
// the dump, the reports and the frontends follow from these rows.
import { elements, type Tensor } from '../graph.js';

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

/** Nothing but operands. */
export type NoAttrs = Readonly<Record<string, never>>;

/** An op with its operands looked up. */
export interface OpView<A> {
  readonly attrs: A;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Records a broken rule when `fact` is false. */
export type Check = (fact: boolean, rule: string) => void;

export interface OpSpec<A> {
  /** TFLite builtin code; null for what exists in the IR only. */
  readonly code: number | null;
  readonly minInputs: number;
  readonly maxInputs: number;
  /** Operands from this index on must be constants. */
  readonly constantFrom: number;
  /** Most results; 1 when left out. */
  readonly maxOutputs?: number;
  /** Operands it writes, by position: variables. */
  readonly writes?: readonly number[];
  readonly check: (op: OpView<A>, check: Check) => void;
  /** Multiply-accumulates of one run, counted as TFLite's tools do: padded positions included. 0 when left out. */
  readonly macs?: (op: OpView<A>) => number;
  /** Inner-loop rounds of one run where they are neither MACs nor output elements. */
  readonly work?: (op: OpView<A>) => number;
}

export type OpSpecs<Attrs> = { readonly [K in keyof Attrs]: OpSpec<Attrs[K]> };

/** Integer tensors say what they mean; float ones are what they are. */
export function checkQuantized(tensors: readonly Tensor[], check: Check): void {
  for (const t of tensors) {
    const wanted = t.dtype === 'int8' || t.dtype === 'uint8' || t.dtype === 'int16';
    if (wanted) check(t.quantization !== null, `${t.name} has no quantization`);
  }
}

export function checkSameType(tensors: readonly Tensor[], check: Check): void {
  check(new Set(tensors.map((t) => t.dtype)).size === 1, 'operand types differ');
}

/** int32 beside int8, int64 or int32 beside int16, float32 beside float32. */
export function checkBias(bias: Tensor | undefined, input: Tensor, channels: number, check: Check): void {
  if (bias === undefined) return;
  const types: readonly string[] =
    input.dtype === 'float32' ? ['float32'] : input.dtype === 'int16' ? ['int64', 'int32'] : ['int32'];
  check(types.includes(bias.dtype), `bias is not ${types.join(' or ')}`);
  check(elements(bias) === channels, 'bias length is not the channel count');
}
