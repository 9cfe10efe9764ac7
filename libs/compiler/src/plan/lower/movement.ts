// Ops that move elements as steps.
import { byteLength } from '../../ir/graph.js';
import type { MovementOps } from '../../ir/ops/movement.js';
import type { Lowerings } from './spec.js';

export const MOVEMENT: Lowerings<MovementOps> = {
  reshape: { op: 'RESHAPE', lower: ({ outputs }) => ({ params: { bytes: byteLength(outputs[0]!) } }) },
};
