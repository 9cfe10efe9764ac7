// Blocks of pixels as channels or batches. Converters write a dilated convolution as SPACE_TO_BATCH_ND, CONV_2D,
// BATCH_TO_SPACE_ND; the pass unbatch-dilation puts it together again.
import type { Op } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { OpContext } from '../context.js';
import { moved, one } from './moved.js';

export function importSpaceToDepth(kind: 'space_to_depth' | 'depth_to_space', context: OpContext): Op | null {
  const found = moved(context);
  if (found === null) return null;
  const type = kind === 'space_to_depth' ? OPTIONS_TYPE.spaceToDepth : OPTIONS_TYPE.depthToSpace;
  return one(context, kind, found, { block: context.options(type, { blockSize: 0 }).blockSize });
}

/** Block extents, and rows before and after along the same dimensions; zeros for the others. */
function blocks(
  context: OpContext,
  rank: number,
): { block: number[]; before: number[]; after: number[] } | null {
  const [block, around] = [context.constants(1), context.constants(2)];
  if (block === null || around === null) return null;
  if (block.length >= rank || around.length !== block.length * 2)
    return context.invalid('its blocks do not fit its input');
  if (block.some((n) => n < 1) || around.some((n) => n < 0)) return context.invalid('a block is below 1');
  const along = (which: 0 | 1): number[] =>
    Array.from({ length: rank }, (_, i) => (i === 0 || i > block.length ? 0 : around[(i - 1) * 2 + which]!));
  return { block, before: along(0), after: along(1) };
}

/** A pad with the zero point, where there is one, and the rearrangement. (TFLM pads with a parameter that it never sets.) */
export function importSpaceToBatch(context: OpContext): Op | Op[] | null {
  const found = moved(context);
  const given = found === null ? null : blocks(context, found.input.shape.length);
  if (found === null || given === null) return null;
  const { input, output } = found;
  const { block, before, after } = given;
  if ([...before, ...after].every((n) => n === 0)) return one(context, 'space_to_batch_nd', found, { block });
  const padded = context.between(
    input,
    'padded',
    input.shape.map((extent, i) => extent + before[i]! + after[i]!),
  );
  const value = output.quantization?.zeroPoints[0] ?? 0;
  const pad = context.made('pad', 'pad', [input, padded], { before, after, value });
  const rest = one(context, 'space_to_batch_nd', { input: padded, output }, { block });
  return pad === null || rest === null ? null : [pad, rest];
}

/** The rearrangement and a slice, where it is cropped. */
export function importBatchToSpace(context: OpContext): Op | Op[] | null {
  const found = moved(context);
  const given = found === null ? null : blocks(context, found.input.shape.length);
  if (found === null || given === null) return null;
  const { input, output } = found;
  const { block, before, after } = given;
  if ([...before, ...after].every((n) => n === 0)) return one(context, 'batch_to_space_nd', found, { block });
  const images = input.shape[0]! / block.reduce((n, extent) => n * extent, 1);
  if (!Number.isInteger(images)) return context.invalid('its blocks do not fit its input');
  const shape = input.shape.map((extent, i) => (i === 0 ? images : extent * (block[i - 1] ?? 1)));
  const woven = context.between(input, 'woven', shape);
  const first = context.made('batch_to_space_nd', 'weave', [input, woven], { block });
  const size = shape.map((extent, i) => extent - before[i]! - after[i]!);
  const attrs = { begin: before, size, strides: shape.map(() => 1) };
  const rest = one(context, 'slice', { input: woven, output }, attrs);
  return first === null || rest === null ? null : [first, rest];
}
