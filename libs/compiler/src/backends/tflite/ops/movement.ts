// Options of ops that move elements.
import type { MovementOps } from '../../../ir/ops/movement.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { Writers } from './spec.js';

export const MOVEMENT: Writers<MovementOps> = {
  reshape: ({ outputs }) => ({ type: OPTIONS_TYPE.reshape, value: { newShape: outputs[0]!.shape } }),
};
