// Ops that move elements. Operands with axes, sizes and masks are constants and become attributes. What TFLM has in int8
// only is read in every type: the bytes move the same way.
import { byteLength, elements, float32Values, integerValues, type Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { broadcastShape } from '../../../ir/shapes.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { Importers, OpContext } from '../context.js';
import { moved, movable, one, op } from './moved.js';
import { importSlice, importStridedSlice } from './slice.js';
import { importBatchToSpace, importSpaceToBatch, importSpaceToDepth } from './space.js';

export const MOVEMENT: Importers = {
  BATCH_TO_SPACE_ND: importBatchToSpace,
  BROADCAST_TO: importBroadcastTo,
  CONCATENATION: importConcatenation,
  DEPTH_TO_SPACE: (context) => importSpaceToDepth('depth_to_space', context),
  EXPAND_DIMS: importReshape,
  GATHER: importGather,
  MIRROR_PAD: importMirrorPad,
  PACK: importPack,
  PAD: importPad,
  PADV2: importPad,
  RESHAPE: importReshape,
  RESIZE_BILINEAR: (context) => importResize('resize_bilinear', context),
  RESIZE_NEAREST_NEIGHBOR: (context) => importResize('resize_nearest_neighbor', context),
  SLICE: importSlice,
  SPACE_TO_BATCH_ND: importSpaceToBatch,
  SPACE_TO_DEPTH: (context) => importSpaceToDepth('space_to_depth', context),
  SPLIT: (context) => importSplit(context, { data: 1, axis: 0 }),
  SPLIT_V: (context) => importSplit(context, { data: 0, axis: 2 }),
  SQUEEZE: importReshape,
  STRIDED_SLICE: importStridedSlice,
  TILE: importTile,
  TRANSPOSE: importTranspose,
  UNPACK: importUnpack,
};

/** Operands of one step: the bundle's limit. */
const MOST_PARTS = 63;

/** The shape operand and option are not read: the output tensor's static shape says the same. */
function importReshape(context: OpContext): Op | null {
  const found = moved(context);
  if (found === null) return null;
  const { input, output } = found;
  if (byteLength(input) !== byteLength(output)) {
    return context.invalid(`[${input.shape.join(', ')}] cannot become [${output.shape.join(', ')}]`);
  }
  return one(context, 'reshape', found, {});
}

function importTranspose(context: OpContext): Op | null {
  const [found, given] = [moved(context), context.constants(1)];
  if (found === null || given === null) return null;
  const rank = found.input.shape.length;
  const perm = given.map((d) => (d < 0 ? d + rank : d));
  return one(context, 'transpose', found, { perm });
}

function importTile(context: OpContext): Op | null {
  const [found, multiples] = [moved(context), context.constants(1)];
  return found === null || multiples === null ? null : one(context, 'tile', found, { multiples });
}

function importBroadcastTo(context: OpContext): Op | null {
  const found = moved(context);
  if (found === null) return null;
  const { input, output } = found;
  if (broadcastShape(input.shape, output.shape)?.join() !== output.shape.join())
    return context.invalid(`[${input.shape.join(', ')}] does not broadcast to [${output.shape.join(', ')}]`);
  return one(context, 'broadcast_to', found, {});
}

/** [before, after] of each dimension. */
function paddings(context: OpContext, input: Tensor): { before: number[]; after: number[] } | null {
  const values = context.constants(1);
  if (values === null) return null;
  if (values.length !== input.shape.length * 2)
    return context.invalid('its paddings are not two per dimension');
  if (values.some((n) => n < 0)) return context.option('negative paddings');
  return { before: values.filter((_, i) => i % 2 === 0), after: values.filter((_, i) => i % 2 === 1) };
}

function importPad(context: OpContext): Op | null {
  const found = moved(context);
  const around = found === null ? null : paddings(context, found.input);
  if (found === null || around === null) return null;
  let value = found.output.dtype === 'int8' ? (found.output.quantization?.zeroPoints[0] ?? 0) : 0;
  if (context.inputCount > 2 && context.has(2)) {
    const constant = context.input(2, [found.input.dtype]);
    if (constant === null) return null;
    if (constant.data === null || elements(constant) !== 1)
      return context.option('a padding value that is computed');
    if (constant.quantization !== null && !context.sameScale(found.output, constant)) return null;
    value = constant.dtype === 'float32' ? float32Values(constant)[0]! : integerValues(constant)[0]!;
  }
  return one(context, 'pad', found, { ...around, value });
}

function importMirrorPad(context: OpContext): Op | null {
  const found = moved(context);
  const around = found === null ? null : paddings(context, found.input);
  if (found === null || around === null) return null;
  const { mode } = context.options(OPTIONS_TYPE.mirrorPad, { mode: 0 });
  return one(context, 'mirror_pad', found, { ...around, mode: mode === 1 ? 'symmetric' : 'reflect' });
}

/** Inputs in order, all of the output's type and scale. */
function parts(context: OpContext): { inputs: Tensor[]; output: Tensor } | null {
  const output = movable(context, 'output');
  const { inputCount } = context;
  if (inputCount < 1 || inputCount > MOST_PARTS) return context.option(`${inputCount} operands`);
  const inputs = Array.from({ length: inputCount }, (_, i) => movable(context, 'input', i));
  if (output === null || inputs.includes(null)) return null;
  const all = inputs as Tensor[];
  if (!all.every((input) => context.sameScale(output, input))) return null;
  return { inputs: all, output };
}

function importConcatenation(context: OpContext): Op | null {
  const found = parts(context);
  if (found === null) return null;
  const { inputs, output } = found;
  const options = context.options(OPTIONS_TYPE.concatenation, { axis: 0, activation: 0 });
  if (options.activation !== 0) return context.option('fused activation');
  const axis = context.axis(options.axis, output.shape.length);
  if (axis === null) return null;
  return op(context, 'concatenation', { inputs: [...inputs], outputs: [output] }, { axis });
}

function importPack(context: OpContext): Op | null {
  const found = parts(context);
  if (found === null) return null;
  const { inputs, output } = found;
  const options = context.options(OPTIONS_TYPE.pack, { axis: 0, valuesCount: 0 });
  const axis = context.axis(options.axis, output.shape.length);
  if (axis === null) return null;
  return op(context, 'pack', { inputs: [...inputs], outputs: [output] }, { axis });
}

/** Results in order, all of the input's type and scale. */
function results(context: OpContext, input: Tensor): Tensor[] | null {
  const { outputCount } = context;
  if (outputCount < 1 || outputCount > MOST_PARTS) return context.option(`${outputCount} results`);
  const outputs = Array.from({ length: outputCount }, (_, i) => movable(context, 'output', i));
  if (outputs.includes(null)) return null;
  const all = outputs as Tensor[];
  return all.every((output) => context.sameScale(input, output)) ? all : null;
}

/** The sizes operand of SPLIT_V is not read: the results' static shapes say the same. */
function importSplit(context: OpContext, at: { data: number; axis: number }): Op | null {
  const [input, given] = [movable(context, 'input', at.data), context.constants(at.axis)];
  if (input === null || given === null) return null;
  const outputs = results(context, input);
  const axis = context.axis(given[0] ?? 0, input.shape.length);
  if (outputs === null || axis === null) return null;
  return op(context, 'split', { inputs: [input], outputs: [...outputs] }, { axis });
}

function importUnpack(context: OpContext): Op | null {
  const input = movable(context, 'input');
  const outputs = input === null ? null : results(context, input);
  if (input === null || outputs === null) return null;
  const axis = context.axis(
    context.options(OPTIONS_TYPE.unpack, { axis: 0, num: 0 }).axis,
    input.shape.length,
  );
  if (axis === null) return null;
  return op(context, 'unpack', { inputs: [input], outputs: [...outputs] }, { axis });
}

function importGather(context: OpContext): Op | null {
  const [found, indices] = [moved(context), context.input(1, ['int32'])];
  if (found === null || indices === null) return null;
  const options = context.options(OPTIONS_TYPE.gather, { axis: 0, batchDims: 0 });
  const axis = context.axis(options.axis, found.input.shape.length);
  if (axis === null) return null;
  const batchDims = options.batchDims < 0 ? options.batchDims + indices.shape.length : options.batchDims;
  const extent = found.input.shape[axis]!;
  if (indices.data !== null && integerValues(indices).some((i) => i < 0 || i >= extent))
    return context.invalid(`an index is outside 0..${extent - 1}`);
  const operands = { inputs: [found.input, indices], outputs: [found.output] };
  return op(context, 'gather', operands, { axis, batchDims });
}

function importResize(kind: 'resize_bilinear' | 'resize_nearest_neighbor', context: OpContext): Op | null {
  const found = moved(context);
  if (found === null) return null;
  const { input, output } = found;
  if (!context.rank(input, 4) || !context.rank(output, 4)) return null;
  if (kind === 'resize_bilinear' && !['int8', 'float32'].includes(input.dtype))
    return context.option(`type ${input.dtype}`);
  // Tables of coordinates are int16.
  if ([...input.shape, ...output.shape].some((extent) => extent > 32_767))
    return context.invalid('an extent is out of range');
  const type = kind === 'resize_bilinear' ? OPTIONS_TYPE.resizeBilinear : OPTIONS_TYPE.resizeNearestNeighbor;
  const { alignCorners, halfPixelCenters } = context.options(type, {
    alignCorners: false,
    halfPixelCenters: false,
  });
  return one(context, kind, found, { alignCorners, halfPixelCenters });
}
