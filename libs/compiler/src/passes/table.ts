// The whole compiler's plan on one screen. Order matters; each line says why it is there. Every pass keeps the values of
// outputs and roots bit for bit, and none knows another.
import { eliminateDead } from './eliminate-dead.js';
import { foldReshape } from './fold-reshape.js';
import { fuseActivation } from './fuse-activation.js';
import type { Pass } from './pass.js';

export const PASSES: readonly Pass[] = [
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

/** For exact layer-by-layer comparison with the reference: one step per operator of the source model. */
export const NO_PASSES: readonly Pass[] = [];
