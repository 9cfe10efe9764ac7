// Ops that reduce dimensions, and products of two activations.
import { elements, type Tensor } from '../graph.js';
import { broadcastShape } from '../shapes.js';
import { checkQuantized, checkSameType, type Check, type OpSpecs, type OpView } from './spec.js';

export interface ReduceAttrs {
  /** Reduced dimensions, ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export interface ReductionOps {
  mean: ReduceAttrs;
  sum: ReduceAttrs;
  /** Scale and zero point of the input are kept, as TFLite demands. */
  reduce_max: ReduceAttrs;
  reduce_min: ReduceAttrs;
  /** int32 index of the first largest element. */
  arg_max: { readonly axis: number };
  arg_min: { readonly axis: number };
  /** a [.., m, k] x b [.., k, n]; adj: stored with the last two dimensions swapped. Leading dimensions broadcast. */
  batch_matmul: { readonly adjX: boolean; readonly adjY: boolean };
}

const ONE = { minInputs: 1, maxInputs: 1, constantFrom: 1 } as const;

export const REDUCTION_OPS: OpSpecs<ReductionOps> = {
  mean: { code: 40, ...ONE, check: checkReduce },
  sum: { code: 74, ...ONE, check: checkReduce },
  reduce_max: { code: 82, ...ONE, check: checkReduce },
  reduce_min: { code: 89, ...ONE, check: checkReduce },
  arg_max: { code: 56, ...ONE, check: checkArg },
  arg_min: { code: 79, ...ONE, check: checkArg },
  batch_matmul: {
    code: 126,
    minInputs: 2,
    maxInputs: 2,
    constantFrom: 2,
    check: checkProduct,
    macs: (op) => elements(op.outputs[0]!) * productShape(op).k,
  },
};

export function reducedShape(shape: readonly number[], { axes, keepDims }: ReduceAttrs): number[] {
  return shape.flatMap((extent, i) => (!axes.includes(i) ? [extent] : keepDims ? [1] : []));
}

function checkReduce({ attrs, inputs, outputs }: OpView<ReduceAttrs>, check: Check): void {
  const [input, output] = [inputs[0]!, outputs[0]!];
  const ascending = attrs.axes.every((axis, i) => i === 0 || axis > attrs.axes[i - 1]!);
  check(
    ascending && attrs.axes.every((axis) => axis >= 0 && axis < input.shape.length),
    'axes are not ascending dimensions of the input',
  );
  check(
    reducedShape(input.shape, attrs).join() === output.shape.join(),
    'output is not the input without the axes',
  );
  checkSameType([input, output], check);
  checkQuantized([input, output], check);
}

function checkArg({ attrs: { axis }, inputs, outputs }: OpView<{ axis: number }>, check: Check): void {
  const { shape } = inputs[0]!;
  check(Number.isInteger(axis) && axis >= 0 && axis < shape.length, 'no such dimension');
  check(outputs[0]!.dtype === 'int32', 'output is not int32');
  check(
    elements(outputs[0]!) * (shape[axis] ?? 0) === elements(inputs[0]!),
    'output is not the input without the axis',
  );
  checkQuantized(inputs, check);
}

export interface ProductShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Of b; equals k in a sound op. */
  readonly kOfB: number;
  readonly batches: readonly number[] | null;
}

/** Both ranks are at least 2. */
export function productShape({ attrs, inputs }: OpView<ReductionOps['batch_matmul']>): ProductShape {
  const [a, b] = inputs as [Tensor, Tensor];
  const [rows, columns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = attrs.adjX ? [columns, rows] : [rows, columns];
  const [kOfB, n] = attrs.adjY ? [bColumns, bRows] : [bRows, bColumns];
  return { m, k, n, kOfB, batches: broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)) };
}

function checkProduct(op: OpView<ReductionOps['batch_matmul']>, check: Check): void {
  const [a, b] = op.inputs as [Tensor, Tensor];
  const output = op.outputs[0]!;
  checkSameType([a, b, output], check);
  checkQuantized([a, b, output], check);
  const ranks = [a.shape.length, b.shape.length];
  check(
    ranks.every((rank) => rank >= 2 && rank <= 5),
    'ranks are not 2 to 5',
  );
  const { m, n, k, kOfB, batches } = productShape(op);
  check(k === kOfB, 'inner dimensions differ');
  check([...(batches ?? [-1]), m, n].join() === output.shape.join(), 'output is not the product');
}
