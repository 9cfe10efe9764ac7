// Reductions and products of two activations as steps.
import { elements, zeroPointRange, type Tensor } from '../../ir/graph.js';
import {
  denseMultiplier,
  meanMultiplier,
  rescale,
  zeroPointOf,
  type Multiplier,
} from '../../ir/multipliers.js';
import type { OpView, ReduceAttrs } from '../../ir/ops.js';
import { productShape, type ReductionOps } from '../../ir/ops/reduction.js';
import { rowMajorStrides } from '../../ir/shapes.js';
import { broadcastStrides, leading, type Lowered, type Lowerings } from './spec.js';

export const REDUCTION: Lowerings<ReductionOps> = {
  mean: { op: 'MEAN', lower: (op) => reduction(op, (...of) => scaled(meanMultiplier(...of), ...of)) },
  sum: { op: 'SUM', lower: (op) => reduction(op, (...of) => scaled(rescale(of[0], of[1]), ...of)) },
  reduce_max: { op: 'REDUCE_MAX', lower: (op) => reduction(op, unscaled) },
  reduce_min: { op: 'REDUCE_MIN', lower: (op) => reduction(op, unscaled) },
  arg_max: { op: 'ARG_MAX', lower: argument },
  arg_min: { op: 'ARG_MIN', lower: argument },
  batch_matmul: { op: 'BATCH_MATMUL', lower: product },
};

/** Groups of neighbouring dimensions of one kind: six dimensions alternate at most three times. */
const GROUPS = 3;

interface Group {
  extent: number;
  readonly stride: number;
}

type Scaling = (input: Tensor, output: Tensor, count: number) => Record<string, number>;

function reduction({ attrs, inputs, outputs }: OpView<ReduceAttrs>, scaling: Scaling): Lowered {
  const [input, output] = [inputs[0]!, outputs[0]!];
  const groups: { readonly kept: Group[]; readonly reduced: Group[] } = { kept: [], reduced: [] };
  const strides = rowMajorStrides(input.shape);
  let open: Group[] | null = null;
  // From the innermost out: a group's stride is that of its innermost dimension.
  for (let i = input.shape.length - 1; i >= 0; i--) {
    const extent = input.shape[i]!;
    if (extent === 1) continue;
    const list = attrs.axes.includes(i) ? groups.reduced : groups.kept;
    if (list === open) list[0]!.extent *= extent;
    else list.unshift({ extent, stride: strides[i]! });
    open = list;
  }
  const extents = (list: Group[]): number[] =>
    leading(
      list.map((g) => g.extent),
      GROUPS,
    );
  const steps = (list: Group[]): number[] => [
    ...new Array<number>(GROUPS - list.length).fill(0),
    ...list.map((g) => g.stride),
  ];
  const params = {
    kept: extents(groups.kept),
    kept_strides: steps(groups.kept),
    reduced: extents(groups.reduced),
    reduced_strides: steps(groups.reduced),
    ...scaling(input, output, elements(input) / elements(output)),
  };
  return { params };
}

const unscaled: Scaling = () => ({ zero_sum: 0, multiplier: 0, output_offset: 0, shift: 0 });

function scaled({ value, shift }: Multiplier, input: Tensor, output: Tensor, count: number) {
  return {
    zero_sum: (zeroPointOf(input) * count) | 0,
    multiplier: value,
    output_offset: zeroPointOf(output),
    shift,
  };
}

function argument({ attrs: { axis }, inputs }: OpView<{ axis: number }>): Lowered {
  const { shape } = inputs[0]!;
  const outer = elements({ shape: shape.slice(0, axis) });
  return { params: { outer, axis_n: shape[axis]!, inner: elements({ shape: shape.slice(axis + 1) }) } };
}

const BATCH_RANK = 3;

function product(op: OpView<ReductionOps['batch_matmul']>): Lowered {
  const [a, b] = op.inputs as [Tensor, Tensor];
  const output = op.outputs[0]!;
  const { m, k, n, batches } = productShape(op);
  const strides = ({ shape }: Tensor): number[] => {
    const matrix = shape.at(-1)! * shape.at(-2)!;
    return broadcastStrides(shape.slice(0, -2), BATCH_RANK).map((stride) => stride * matrix);
  };
  const { value, shift } = denseMultiplier(a, b, output);
  const [low, high] = zeroPointRange(output.dtype);
  // 64-bit sums shift by 15 - shift at once.
  if (output.dtype === 'int16' && shift > 7) throw new RangeError('a scale ratio is outside 0..2^7');
  return {
    params: {
      batch_dims: leading(batches!, BATCH_RANK),
      a_strides: strides(a),
      b_strides: strides(b),
      m,
      k,
      n,
      a_offset: -zeroPointOf(a),
      b_offset: -zeroPointOf(b),
      output_offset: zeroPointOf(output),
      activation_min: low,
      activation_max: high,
      shift,
      transposed: (op.attrs.adjX ? 1 : 0) | (op.attrs.adjY ? 2 : 0),
      multiplier: value,
    },
  };
}
