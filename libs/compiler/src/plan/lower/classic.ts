// Models besides nets, as steps.
import { elements, type Tensor } from '../../ir/graph.js';
import { quantizeMultiplier, scaleOf, zeroPointOf } from '../../ir/multipliers.js';
import { TREE_NODE_BYTES, type ClassicOps } from '../../ir/ops/classic.js';
import { requantization, type Lowerings } from './spec.js';

function scoreOf(fractionBits: number, output: Tensor) {
  const { value, shift } = quantizeMultiplier(2 ** -fractionBits / scaleOf(output));
  return { multiplier: value, shift, output_offset: zeroPointOf(output) };
}

export const CLASSIC: Lowerings<ClassicOps> = {
  prototypes: {
    op: 'PROTOTYPES',
    lower: ({ attrs, inputs, outputs }) => ({
      params: {
        features_n: elements(inputs[0]!),
        prototypes_n: elements(inputs[2]!),
        classes: elements(outputs[0]!),
        k: attrs.k,
        metric: attrs.metric === 'l1' ? 1 : 0,
      },
    }),
  },
  k_means_score: {
    op: 'K_MEANS_SCORE',
    lower: ({ attrs, inputs, outputs }, pool) => {
      // The kernel's distances have 8 fraction bits.
      const step = scaleOf(inputs[0]!) / 256 / scaleOf(outputs[0]!);
      const params = {
        features_n: elements(inputs[0]!),
        centres_n: attrs.radii.length,
        output_offset: zeroPointOf(outputs[0]!),
      };
      return {
        params,
        tables: requantization(
          attrs.radii.map((radius) => quantizeMultiplier(step / radius)),
          pool,
        ),
      };
    },
  },
  gaussian_score: {
    op: 'GAUSSIAN_SCORE',
    lower: ({ attrs, inputs, outputs }) => ({
      params: {
        features_n: elements(inputs[0]!),
        components: elements(inputs[3]!),
        ...scoreOf(attrs.fractionBits, outputs[0]!),
        sum_shift: attrs.sumShift,
      },
    }),
  },
  mahalanobis_score: {
    op: 'MAHALANOBIS_SCORE',
    lower: ({ attrs, inputs, outputs }) => ({
      params: {
        features_n: elements(inputs[0]!),
        rows: elements(inputs[2]!) / elements(inputs[0]!),
        ...scoreOf(attrs.fractionBits, outputs[0]!),
        row_shift: attrs.rowShift,
      },
    }),
  },
  bonsai: {
    op: 'BONSAI',
    scratch: ({ inputs, outputs }) => [4 * elements(inputs[2]!), 4 * elements(outputs[0]!)],
    lower: ({ attrs, inputs, outputs }) => ({
      params: {
        features_n: elements(inputs[0]!),
        projected: elements(inputs[2]!),
        classes: elements(outputs[0]!),
        depth: attrs.depth,
        bias_shift: attrs.biasShift,
        projection_shift: attrs.projectionShift,
        v_shift: attrs.vShift,
        w_shift: attrs.wShift,
        ...scoreOf(attrs.fractionBits, outputs[0]!),
      },
    }),
  },
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
