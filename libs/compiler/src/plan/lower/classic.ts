// Models besides nets, as steps.
import { elements } from '../../ir/graph.js';
import { quantizeMultiplier, scaleOf, zeroPointOf } from '../../ir/multipliers.js';
import { TREE_NODE_BYTES, type ClassicOps } from '../../ir/ops/classic.js';
import type { Lowerings } from './spec.js';

export const CLASSIC: Lowerings<ClassicOps> = {
  tree_ensemble: {
    op: 'TREE_ENSEMBLE',
    scratch: ({ outputs }) => [4 * elements(outputs[0]!)],
    lower: ({ attrs, inputs, outputs }) => {
      const output = outputs[0]!;
      const { value, shift } =
        attrs.transform === 'softmax'
          ? { value: 0, shift: 0 }
          : quantizeMultiplier((attrs.factor * 2 ** -attrs.fractionBits) / scaleOf(output));
      const params = {
        features_n: elements(inputs[0]!),
        classes: elements(output),
        trees: elements(inputs[2]!) - 1,
        transform: attrs.transform === 'softmax' ? 1 : 0,
        fraction_bits: attrs.fractionBits,
        nodes: elements(inputs[1]!) / TREE_NODE_BYTES,
        multiplier: value,
        shift,
        leaf_rows: attrs.leafRows ? 1 : 0,
        output_offset: zeroPointOf(output),
      };
      return { params };
    },
  },
};
