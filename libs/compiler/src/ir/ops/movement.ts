// Ops that move elements and change none.
import { byteLength } from '../graph.js';
import { checkSameType, type Check, type NoAttrs, type OpSpecs, type OpView } from './spec.js';

export interface MovementOps {
  /** A step that copies bytes. */
  reshape: NoAttrs;
  /** The same bytes under another shape: no step at run time, both tensors share storage. */
  view: NoAttrs;
}

export const MOVEMENT_OPS: OpSpecs<MovementOps> = {
  reshape: { code: 22, minInputs: 1, maxInputs: 1, constantFrom: 1, check: checkSameBytes },
  view: { code: null, minInputs: 1, maxInputs: 1, constantFrom: 1, check: checkSameBytes },
};

function checkSameBytes({ inputs, outputs }: OpView<unknown>, check: Check): void {
  checkSameType([inputs[0]!, outputs[0]!], check);
  check(byteLength(inputs[0]!) === byteLength(outputs[0]!), 'sizes differ');
}
