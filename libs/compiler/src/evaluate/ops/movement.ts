// Ops that move elements. Shapes are the graph's, so a reshape has nothing to do.
import type { MovementOps } from '../../ir/ops/movement.js';
import { always, type FloatSpecs } from './spec.js';

export const MOVEMENT_FLOAT: FloatSpecs<MovementOps> = {
  reshape: { run: ({ tf, values: [x] }) => tf.clone(x!), stacks: always },
  view: { run: ({ tf, values: [x] }) => tf.clone(x!), stacks: always },
};
