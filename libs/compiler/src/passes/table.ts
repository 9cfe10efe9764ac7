// The whole compiler's plan on one screen. Order matters; each line says why it is there. Every integer pass keeps the
// values of outputs and roots bit for bit, and none knows another.
import { dropMoves } from './drop-moves.js';
import { elideRead } from './elide-read.js';
import { eliminateDead } from './eliminate-dead.js';
import { foldBatchNorm } from './fold-batch-norm.js';
import { foldConstants } from './fold-constants.js';
import { foldCrop } from './fold-crop.js';
import { foldFloat } from './fold-float.js';
import { foldPad } from './fold-pad.js';
import { foldReshape } from './fold-reshape.js';
import { fuseActivation } from './fuse-activation.js';
import type { Pass } from './pass.js';
import { shiftState } from './shift-state.js';
import { unbatchDilation } from './unbatch-dilation.js';

export const PASSES: readonly Pass[] = [
  {
    name: 'shift-state',
    why: 'a window over a stream, put together at every inference and cut again for the next, is copied three times',
    requires: 'slices and concatenations as the model has them',
    ensures:
      'a variable that keeps the end of itself and new rows is one window in the state, shifted in one step',
    run: shiftState,
  },
  {
    name: 'elide-read',
    why: 'state that nobody writes before it has been read needs no copy',
    requires: 'nothing',
    ensures:
      'every read_variable that is left sees a value that is overwritten too early, or is an output or root',
    run: elideRead,
  },
  {
    name: 'fold-constants',
    why: 'bytes of a constant can be moved once, here, instead of at every inference',
    requires: 'nothing',
    ensures:
      'no op that only moves elements is left with constants alone, but before an output or where it enlarges',
    run: foldConstants,
  },
  {
    name: 'unbatch-dilation',
    why: 'a dilated convolution written with batches moves the image twice and keeps three copies of it',
    requires: 'padding and cropping are ops of their own around the batches',
    ensures: 'no plain convolution is left between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND of one block',
    run: unbatchDilation,
  },
  {
    name: 'drop-moves',
    why: 'elements that stay where they are need not be copied',
    requires: 'nothing',
    ensures: 'no op that only moves elements is left that keeps their order in memory, but reshapes',
    run: dropMoves,
  },
  {
    name: 'fold-pad',
    why: 'kernels skip their padding; a padded image is written, read and kept',
    requires: 'nothing',
    ensures: 'no border of zero points is left that only convolutions read',
    run: foldPad,
  },
  {
    name: 'fold-crop',
    why: 'rows that are cut off need not be computed',
    requires: 'fold-pad has made padding of pads',
    ensures: 'no slice is left that undoes padding of a convolution of stride 1',
    run: foldCrop,
  },
  {
    name: 'fuse-activation',
    why: 'a clamp inside the producer costs nothing; as a step of its own it reads and writes the whole tensor',
    requires: 'nothing',
    ensures: 'no relu is left behind an op that clamps and shares its scale',
    run: fuseActivation,
  },
  {
    name: 'fold-reshape',
    why: 'row-major bytes do not move when the shape changes',
    requires: 'nothing',
    ensures:
      'every reshape that is left joins an input, constant or output with an output; views name their storage',
    run: foldReshape,
  },
  {
    name: 'eliminate-dead',
    why: 'fused and unused tensors would cost flash, arena and time',
    requires: 'nothing',
    ensures: 'every op reaches an output or root; every tensor but unused inputs is named by an op',
    run: eliminateDead,
  },
];

/**
 * Of float graphs, before they are calibrated. These keep values within rounding: reals have no last bit to keep. What the
 * integer passes do as well is left to them.
 */
export const FLOAT_PASSES: readonly Pass[] = [
  {
    name: 'fold-constants',
    why: 'bytes of a constant can be moved once, here, instead of at every inference',
    requires: 'nothing',
    ensures:
      'no op that only moves elements is left with constants alone, but before an output or where it enlarges',
    run: foldConstants,
  },
  {
    name: 'fold-float',
    why: 'a sum or product of constants need not be computed on the device, nor lose bits to a scale',
    requires: 'nothing',
    ensures: 'no op is left that computes from constants alone, but where it enlarges them',
    run: foldFloat,
  },
  {
    name: 'fold-batch-norm',
    why: 'a factor and summand per channel cost nothing inside weights and bias, and two tensors and scales outside',
    requires: 'factors and summands are constants: fold-float',
    ensures: 'no sum or product with a constant per channel is left behind a linear layer',
    run: foldBatchNorm,
  },
  {
    name: 'fuse-activation',
    why: 'the range behind the activation is what the scale has to cover',
    requires: 'fold-batch-norm: the activation often comes behind the normalization',
    ensures: 'no relu is left behind an op that clamps',
    run: fuseActivation,
  },
  {
    name: 'eliminate-dead',
    why: 'what nobody reads need not be calibrated',
    requires: 'nothing',
    ensures: 'every op reaches an output or root; every tensor but unused inputs is named by an op',
    run: eliminateDead,
  },
];

/** For exact layer-by-layer comparison with the reference: one step per operator of the source model. */
export const NO_PASSES: readonly Pass[] = [];
