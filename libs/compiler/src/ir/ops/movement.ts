// Ops that move elements and change none. Sizes, masks and axes that TFLite has as constant operands are attributes here.
import { byteLength, elements, type Tensor } from '../graph.js';
import { PAD_RANK, paddedDims } from '../padding.js';
import { checkStrided, type StridedKind } from '../strided.js';
import { checkSameType, type Check, type NoAttrs, type OpSpec, type OpSpecs, type OpView } from './spec.js';

export interface ResizeAttrs {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

export interface MovementOps {
  /** A step that copies bytes. */
  reshape: NoAttrs;
  /** The same bytes under another shape: no step at run time, both tensors share storage. */
  view: NoAttrs;
  /** Output dimension i is the input's dimension perm[i]. */
  transpose: { readonly perm: readonly number[] };
  /**
   * Per input dimension `size` elements from `begin` on, `strides` apart (below 0: backwards). The output's shape may lack
   * or add extents of 1.
   */
  slice: {
    readonly begin: readonly number[];
    readonly size: readonly number[];
    readonly strides: readonly number[];
  };
  broadcast_to: NoAttrs;
  /** The whole, repeated along each dimension. */
  tile: { readonly multiples: readonly number[] };
  /** NHWC; blocks of block x block pixels become channels. */
  space_to_depth: { readonly block: number };
  depth_to_space: { readonly block: number };
  /** Blocks along the dimensions behind the batch; padded by a pad op before, cropped by a slice behind. */
  space_to_batch_nd: { readonly block: readonly number[] };
  batch_to_space_nd: { readonly block: readonly number[] };
  /** `value` is a quantized integer; of a float tensor a float. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number };
  mirror_pad: {
    readonly before: readonly number[];
    readonly after: readonly number[];
    /** symmetric repeats the edge, reflect does not. */
    readonly mode: 'reflect' | 'symmetric';
  };
  concatenation: { readonly axis: number };
  /** Concatenation along a new dimension. */
  pack: { readonly axis: number };
  /** Sizes along the axis are those of the results. */
  split: { readonly axis: number };
  unpack: { readonly axis: number };
  /** Indices are int32; the leading batchDims dimensions go in step. */
  gather: { readonly axis: number; readonly batchDims: number };
  resize_nearest_neighbor: ResizeAttrs;
  resize_bilinear: ResizeAttrs;
}

/** Operands a step can have besides one. */
const MANY = 63;
const ONE = { minInputs: 1, maxInputs: 1, constantFrom: 1 } as const;
const SEVERAL = { minInputs: 1, maxInputs: MANY, constantFrom: MANY } as const;

export const MOVEMENT_OPS: OpSpecs<MovementOps> = {
  reshape: { code: 22, ...ONE, check: checkSameBytes },
  view: { code: null, ...ONE, check: checkSameBytes },
  transpose: strided('transpose', 39),
  slice: strided('slice', 45),
  broadcast_to: strided('broadcast_to', 130),
  tile: strided('tile', 69),
  space_to_depth: strided('space_to_depth', 26),
  depth_to_space: strided('depth_to_space', 5),
  space_to_batch_nd: strided('space_to_batch_nd', 38),
  batch_to_space_nd: strided('batch_to_space_nd', 37),
  pad: { code: 60, ...ONE, check: (op, check) => checkPad(op, check) },
  mirror_pad: {
    code: 100,
    ...ONE,
    check: (op, check) => {
      checkPad(op, check, true);
      const { before, after, mode } = op.attrs;
      const edge = mode === 'reflect' ? 1 : 0;
      const most = (i: number): number => op.inputs[0]!.shape[i]! - edge;
      check(
        [before, after].every((rows) => rows.every((n, i) => n <= most(i))),
        'it mirrors more than there is',
      );
    },
  },
  concatenation: {
    code: 2,
    ...SEVERAL,
    check: ({ attrs, inputs, outputs }, check) => checkParts(outputs[0]!, inputs, attrs.axis, check),
  },
  pack: {
    code: 83,
    ...SEVERAL,
    check: ({ attrs, inputs, outputs }, check) => checkSlices(outputs[0]!, inputs, attrs.axis, check),
  },
  split: {
    code: 102,
    ...ONE,
    maxOutputs: MANY,
    check: ({ attrs, inputs, outputs }, check) => checkParts(inputs[0]!, outputs, attrs.axis, check),
  },
  unpack: {
    code: 88,
    ...ONE,
    maxOutputs: MANY,
    check: ({ attrs, inputs, outputs }, check) => checkSlices(inputs[0]!, outputs, attrs.axis, check),
  },
  gather: { code: 36, minInputs: 2, maxInputs: 2, constantFrom: 2, check: checkGather },
  resize_nearest_neighbor: { code: 97, ...ONE, check: checkResize },
  resize_bilinear: { code: 23, ...ONE, check: checkResize, work: (op) => 4 * elements(op.outputs[0]!) },
};

function checkSameBytes({ inputs, outputs }: OpView<unknown>, check: Check): void {
  checkSameType([inputs[0]!, outputs[0]!], check);
  check(byteLength(inputs[0]!) === byteLength(outputs[0]!), 'sizes differ');
}

function strided<K extends StridedKind>(kind: K, code: number): OpSpec<MovementOps[K]> {
  return {
    code,
    ...ONE,
    check: (op, check) => {
      checkSameType([op.inputs[0]!, op.outputs[0]!], check);
      checkStrided(kind, op, check);
    },
  };
}

function checkPad(
  { attrs, inputs, outputs }: OpView<Pick<MovementOps['pad'], 'before' | 'after'>>,
  check: Check,
  mirrored = false,
): void {
  checkSameType([inputs[0]!, outputs[0]!], check);
  const padded = inputs[0]!.shape.map((extent, i) => extent + attrs.before[i]! + attrs.after[i]!);
  check([...attrs.before, ...attrs.after].every(isCount), 'negative padding');
  check(padded.join() === outputs[0]!.shape.join(), 'output is not the padded shape');
  check(
    paddedDims(inputs[0]!.shape, attrs, mirrored).length <= PAD_RANK,
    'it is padded along too many dimensions',
  );
}

function isCount(n: number): boolean {
  return Number.isInteger(n) && n >= 0;
}

/** Parts lie side by side along one dimension of the whole. */
function checkParts(whole: Tensor, parts: readonly Tensor[], axis: number, check: Check): void {
  checkSameType([whole, ...parts], check);
  const others = (shape: readonly number[]): string => shape.toSpliced(axis, 1).join();
  check(isCount(axis) && axis < whole.shape.length, 'no such dimension');
  check(
    parts.every(({ shape }) => shape.length === whole.shape.length && others(shape) === others(whole.shape)),
    'parts differ beside the axis',
  );
  check(
    parts.reduce((n, { shape }) => n + shape[axis]!, 0) === whole.shape[axis],
    'parts do not fill the whole',
  );
}

/** Parts are the whole's slices along one dimension that they do not have. */
function checkSlices(whole: Tensor, parts: readonly Tensor[], axis: number, check: Check): void {
  checkSameType([whole, ...parts], check);
  check(isCount(axis) && axis < whole.shape.length, 'no such dimension');
  const slice = whole.shape.toSpliced(axis, 1).join();
  check(
    parts.every(({ shape }) => shape.join() === slice),
    'a part is not a slice of the whole',
  );
  check(parts.length === whole.shape[axis], 'parts do not fill the whole');
}

function checkGather({ attrs, inputs, outputs }: OpView<MovementOps['gather']>, check: Check): void {
  const [input, indices] = inputs as [Tensor, Tensor];
  const { axis, batchDims } = attrs;
  checkSameType([input, outputs[0]!], check);
  check(indices.dtype === 'int32', 'indices are not int32');
  check(isCount(axis) && axis < input.shape.length, 'no such dimension');
  check(isCount(batchDims) && batchDims <= Math.min(axis, indices.shape.length), 'too many batch dimensions');
  const batches = input.shape.slice(0, batchDims);
  check(batches.join() === indices.shape.slice(0, batchDims).join(), 'batch dimensions differ');
  const shape = [
    ...input.shape.slice(0, axis),
    ...indices.shape.slice(batchDims),
    ...input.shape.slice(axis + 1),
  ];
  check(shape.join() === outputs[0]!.shape.join(), 'output is not the gathered shape');
}

function checkResize({ inputs, outputs }: OpView<ResizeAttrs>, check: Check): void {
  const [a, b] = [inputs[0]!, outputs[0]!];
  checkSameType([a, b], check);
  check(a.shape.length === 4 && b.shape.length === 4, 'ranks are not 4');
  check(a.shape[0] === b.shape[0] && a.shape[3] === b.shape[3], 'batch or depth changes');
}
