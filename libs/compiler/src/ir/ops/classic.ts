// Models besides nets: tree ensembles. They exist in the IR only; nothing of TFLite says them.
import { elements } from '../graph.js';
import type { OpSpecs } from './spec.js';

export interface TreeEnsembleAttrs {
  /** What is made of the sums: requantized to the output, or probabilities. */
  readonly transform: 'none' | 'softmax';
  /** Of sums, base and leaves. */
  readonly fractionBits: number;
  /** Sums times this are the scores: 1, or one over the trees. */
  readonly factor: number;
  /** The output holds shares of 1. */
  readonly probabilities: boolean;
  /** A leaf is a row of values, one per class; else one value for the class of its tree. */
  readonly leafRows: boolean;
}

export interface ClassicOps {
  /** Operands: features, nodes (uint8, 8 per node), roots (int32 per tree and the end), base (int32 per class), leaves (int16). */
  tree_ensemble: TreeEnsembleAttrs;
}

export const TREE_NODE_BYTES = 8;

export const CLASSIC_OPS: OpSpecs<ClassicOps> = {
  tree_ensemble: {
    code: null,
    minInputs: 5,
    maxInputs: 5,
    constantFrom: 1,
    check: ({ attrs, inputs, outputs }, check) => {
      const [features, nodes, roots, base, leaves] = inputs;
      const output = outputs[0]!;
      const classes = elements(output);
      check(['int8', 'int16'].includes(features!.dtype), 'features are neither int8 nor int16');
      check(['int8', 'int16'].includes(output.dtype), 'the output is neither int8 nor int16');
      check(output.quantization !== null, 'the output has no quantization');
      check(
        nodes!.dtype === 'uint8' && elements(nodes!) % TREE_NODE_BYTES === 0,
        'nodes are not 8 bytes each',
      );
      check(roots!.dtype === 'int32' && elements(roots!) >= 2, 'roots are not int32');
      check(base!.dtype === 'int32' && elements(base!) === classes, 'base is not int32 per class');
      check(leaves!.dtype === 'int16', 'leaves are not int16');
      const wanted = attrs.leafRows
        ? elements(leaves!) % classes === 0
        : elements(leaves!) === elements(roots!) - 1;
      check(wanted, 'leaves are neither rows nor one class per tree');
      check(attrs.fractionBits >= 0 && attrs.fractionBits <= 26, 'fraction bits are not 0..26');
    },
    // A walk visits some nodes of each tree; 16 is deeper than most.
    work: ({ inputs }) => (elements(inputs[2]!) - 1) * 16,
  },
};
