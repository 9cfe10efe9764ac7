// Models besides nets: tree ensembles, nearest neighbours and anomaly scores by distance. They exist in the IR only; nothing of TFLite says them.
import { elements, type Tensor } from '../graph.js';
import type { Check, OpSpec, OpSpecs, OpView } from './spec.js';

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
  /** Operands: features, prototypes (int8 rows), labels (int16). Shares of the k nearest. */
  prototypes: { readonly k: number; readonly metric: 'l2' | 'l1' };
  /** Operands: features, centres (int8 rows). The least distance over its centre's radius. */
  k_means_score: { readonly radii: readonly number[] };
  /** Operands: features, means (int8), inverse variances (int16), offsets (int32). Score = 2^-fractionBits of the least sum. */
  gaussian_score: { readonly sumShift: number; readonly fractionBits: number };
  /** Operands: features, means (int8), whitening (int16 rows). Score = 2^-fractionBits of the length. */
  mahalanobis_score: { readonly rowShift: number; readonly fractionBits: number };
  /**
   * Operands: features (int16), projection (int16 rows), bias (int32 per row), thetas, w and v (int16 rows, the latter per node
   * and class). Shifts to the right but `biasShift`; scores = 2^-fractionBits of the sums.
   */
  bonsai: {
    readonly depth: number;
    readonly biasShift: number;
    readonly projectionShift: number;
    readonly vShift: number;
    readonly wShift: number;
    readonly fractionBits: number;
  };
}

/** What an anomaly is scored by. */
export const SCORE_KINDS: readonly string[] = ['k_means_score', 'gaussian_score', 'mahalanobis_score'];

export const TREE_NODE_BYTES = 8;

export const CLASSIC_OPS: OpSpecs<ClassicOps> = {
  prototypes: distances(3, ({ attrs, inputs, outputs }, check) => {
    check(outputs[0]!.dtype === 'int8', 'the output is not int8');
    check(attrs.k >= 1 && attrs.k <= Math.min(16, elements(inputs[2]!)), 'k is not 1..16');
    check(
      elements(inputs[2]!) * elements(inputs[0]!) === elements(inputs[1]!),
      'not one label per prototype',
    );
  }),
  k_means_score: distances(2, ({ attrs, inputs, outputs }, check) => {
    checkScore(outputs[0]!, check);
    check(attrs.radii.length * elements(inputs[0]!) === elements(inputs[1]!), 'not one radius per centre');
  }),
  gaussian_score: distances(4, ({ inputs, outputs }, check) => {
    checkScore(outputs[0]!, check);
    check(elements(inputs[1]!) === elements(inputs[2]!), 'means and variances differ in number');
  }),
  mahalanobis_score: distances(3, ({ inputs, outputs }, check) => {
    checkScore(outputs[0]!, check);
    check(elements(inputs[1]!) === elements(inputs[0]!), 'not one mean per feature');
  }),
  bonsai: {
    code: null,
    minInputs: 6,
    maxInputs: 6,
    constantFrom: 1,
    check: ({ attrs, inputs, outputs }, check) => {
      const [features, projection, bias, thetas, w, v] = inputs;
      const rows = elements(bias!);
      const inner = 2 ** attrs.depth - 1;
      check(
        [features, projection, thetas, w, v, outputs[0]].every((t) => t!.dtype === 'int16'),
        'features, weights or scores are not int16',
      );
      check(bias!.dtype === 'int32', 'the bias is not int32');
      check(attrs.depth >= 1 && attrs.depth <= 8, 'the depth is not 1..8');
      check(elements(projection!) === rows * elements(features!), 'the projection has another size');
      check(elements(thetas!) === inner * rows, 'not one theta per inner node');
      const weights = (2 * inner + 1) * elements(outputs[0]!) * rows;
      check(elements(w!) === weights && elements(v!) === weights, 'w or v is not one row per node and class');
      check(attrs.biasShift >= 0 && attrs.biasShift <= 30, 'the shift of the bias is not 0..30');
      const shifts = [attrs.projectionShift, attrs.vShift, attrs.wShift];
      check(
        shifts.every((n) => n >= 1 && n <= 62),
        'a shift is not 1..62',
      );
    },
    macs: ({ attrs, inputs, outputs }) =>
      elements(inputs[1]!) +
      elements(inputs[2]!) * (attrs.depth + 2 * (attrs.depth + 1) * elements(outputs[0]!)),
  },
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

function distances<A>(inputs: number, rules: (op: OpView<A>, check: Check) => void): OpSpec<A> {
  return {
    code: null,
    minInputs: inputs,
    maxInputs: inputs,
    constantFrom: 1,
    check: (op, check) => {
      const [features, rows] = op.inputs;
      check(features!.dtype === 'int8' && rows!.dtype === 'int8', 'features or rows are not int8');
      check(elements(rows!) % elements(features!) === 0, 'rows are of another length');
      rules(op, check);
    },
    work: (op) => Math.max(...op.inputs.map((t) => elements(t))),
  };
}

function checkScore(output: Tensor, check: Check): void {
  check(output.dtype === 'int16' && elements(output) === 1, 'a score is one int16');
}
