// Tree ensembles of any origin as an integer graph: thresholds floored into the features' integers, leaves and sums in fixed
// point. XGBoost and LightGBM files (tree-json) and ONNX-ML's TreeEnsemble operators are read elsewhere and end here.
//
// A feature's integer is q = round(x / scale) + zero point, clamped. For x = scale * (q - zero point) exactly, every comparison
// has the outcome it has in the model; another x can differ only where a threshold lies between x and its rounding.
import { failure, fault, type Diagnostic } from '../ir/diagnostics.js';
import type { Graph, Quantization, Tensor } from '../ir/graph.js';
import { TREE_NODE_BYTES } from '../ir/ops/classic.js';
import { verify } from '../ir/verify.js';

export type TreeNode =
  | {
      readonly feature: number;
      readonly threshold: number;
      /** Left where feature <= threshold, or where feature < threshold. */
      readonly isStrict: boolean;
      /** Indices into the tree's nodes. */
      readonly left: number;
      readonly right: number;
    }
  | { readonly leaf: number | readonly number[] };

export interface Tree {
  /** The first one is the root. */
  readonly nodes: readonly TreeNode[];
  /** What a leaf of one value adds to. */
  readonly output: number;
}

export interface TreeModel {
  readonly name: string;
  readonly features: number;
  readonly outputs: number;
  readonly trees: readonly Tree[];
  /** Added to each output. */
  readonly base: readonly number[];
  /** softmax over the outputs; logistic of the one output, which then is the second of two classes. */
  readonly link: 'none' | 'softmax' | 'logistic';
  /** The mean over the trees; else the sum. */
  readonly average: boolean;
  /** Outputs without a link are shares that sum to 1 already (random forests). */
  readonly probabilities?: boolean;
}

/** How features become integers. Without scale or ranges each feature's thresholds decide. */
export interface FeatureOptions {
  readonly dtype?: 'int8' | 'int16';
  /** One scale and zero point for all features. */
  readonly scale?: number;
  readonly zeroPoint?: number;
  /** Least and greatest value of each feature; values beyond are clamped. */
  readonly ranges?: readonly (readonly [low: number, high: number])[];
}

const LIMITS = { int8: [-128, 127], int16: [-32_768, 32_767] } as const;
const LEAF = 0xffff;
/** Nodes times outputs: what leaves become while they are read. A forest of 100 KB on a device has some 10^5. */
const MOST_LEAF_VALUES = 2 ** 24;

/** Throws compiler.limit-exceeded. */
export function checkLeafValues(nodes: number, outputs: number): void {
  const found = nodes * outputs;
  if (found > MOST_LEAF_VALUES)
    throw fault('compiler.limit-exceeded', {
      what: 'nodes times outputs of a tree ensemble',
      found,
      limit: MOST_LEAF_VALUES,
    });
}

/** Throws compiler.trees-invalid; `notes` gets what was rounded and by how much. */
export function treeGraph(model: TreeModel, options: FeatureOptions, notes: Diagnostic[]): Graph {
  checkModel(model);
  const dtype = options.dtype ?? 'int16';
  const features = quantizeFeatures(model, dtype, options);
  const binary = model.link === 'logistic';
  const classes = binary ? 2 : model.outputs;
  const trees = model.trees.map((tree) => flatten(tree, model.features, features, LIMITS[dtype]));
  const fixed = fixedPoint(model, trees, classes);
  const output = outputQuantization(model, fixed);

  const tensors = new Map<number, Tensor>();
  const add = (t: Omit<Tensor, 'id'>): number => {
    tensors.set(tensors.size, { id: tensors.size, ...t });
    return tensors.size - 1;
  };
  const constant = (name: string, kind: 'uint8' | 'int32' | 'int16', values: ArrayLike<number>): number => {
    const width = { uint8: 1, int16: 2, int32: 4 }[kind];
    const data = new Uint8Array(values.length * width);
    const view = new DataView(data.buffer);
    for (let i = 0; i < values.length; i++) {
      if (width === 1) data[i] = values[i]!;
      else if (width === 2) view.setInt16(i * 2, values[i]!, true);
      else view.setInt32(i * 4, values[i]!, true);
    }
    return add({ name, dtype: kind, shape: [values.length], quantization: null, data });
  };
  const input = add({
    name: 'features',
    dtype,
    shape: [1, model.features],
    quantization: features,
    data: null,
  });
  const roots = [0];
  for (const tree of trees) roots.push(roots.at(-1)! + tree.length);
  const operands = [
    input,
    constant('nodes', 'uint8', fixed.nodes),
    constant('roots', 'int32', roots),
    constant('base', 'int32', fixed.base),
    constant('leaves', 'int16', fixed.leaves),
  ];
  const result = add({ name: 'scores', ...output, shape: [1, classes], data: null });
  const graph: Graph = {
    name: model.name,
    tensors,
    ops: [
      {
        kind: 'tree_ensemble',
        name: 'trees',
        inputs: operands,
        outputs: [result],
        attrs: {
          transform: model.link === 'none' ? 'none' : 'softmax',
          fractionBits: fixed.bits,
          factor: model.average ? 1 / trees.length : 1,
          leafRows: fixed.leafRows,
          probabilities: model.link !== 'none' || model.probabilities === true,
        },
        sourceIndex: 0,
      },
    ],
    inputs: [input],
    outputs: [result],
    roots: [],
  };
  verify(graph, 'trees');
  const data = {
    trees: trees.length,
    nodes: roots.at(-1)!,
    features: model.features,
    dtype,
    exact: features.exact,
    error: Number(fixed.error.toPrecision(2)),
  };
  notes.push({ code: 'compiler.trees-quantized', severity: 'warning', data });
  return graph;
}

export function treesInvalid(reason: string): Error {
  return failure([{ code: 'compiler.trees-invalid', severity: 'error', data: { reason } }]);
}

function checkModel(model: TreeModel): void {
  const { features, outputs, trees, base, link } = model;
  for (const [what, found, limit] of [
    ['features of a tree ensemble', features, 65_534],
    ['outputs of a tree ensemble', outputs, 32_767],
    ['trees', trees.length, 65_535],
  ] as const)
    if (!(Number.isInteger(found) && found >= 1 && found <= limit))
      throw fault('compiler.limit-exceeded', { what, found, limit });
  checkLeafValues(
    trees.reduce((n, { nodes }) => n + nodes.length, 0),
    outputs,
  );
  if (link === 'logistic' && outputs !== 1) throw treesInvalid('a logistic output is one output');
  if (base.length !== outputs || !base.every(Number.isFinite))
    throw treesInvalid('the base scores are not one number per output');
  for (const { output } of trees)
    if (!(Number.isInteger(output) && output >= 0 && output < outputs))
      throw treesInvalid(`a tree adds to output ${output} of ${outputs}`);
}

// ---- features ------------------------------------------------------------------------------------------------------

type FeatureQuantization = Quantization & {
  /** Features whose thresholds are integers already. */ readonly exact: number;
};

function quantizeFeatures(
  model: TreeModel,
  dtype: 'int8' | 'int16',
  options: FeatureOptions,
): FeatureQuantization {
  const [low, high] = LIMITS[dtype];
  const { scale, zeroPoint = 0, ranges } = options;
  if (scale !== undefined) {
    const exactScale = Math.fround(scale);
    if (!(
      exactScale > 0 &&
      Number.isFinite(exactScale) &&
      Number.isInteger(zeroPoint) &&
      zeroPoint >= low &&
      zeroPoint <= high
    ))
      throw treesInvalid(`a scale of ${scale} with zero point ${zeroPoint} is no ${dtype} quantization`);
    return { scales: [exactScale], zeroPoints: [zeroPoint], axis: null, exact: 0 };
  }
  if (ranges !== undefined && ranges.length !== model.features)
    throw treesInvalid(`${ranges.length} ranges for ${model.features} features`);
  const thresholds = Array.from({ length: model.features }, () => [Infinity, -Infinity] as [number, number]);
  const whole = new Array<boolean>(model.features).fill(true);
  for (const { nodes } of model.trees)
    for (const node of nodes) {
      if ('leaf' in node) continue;
      const span = thresholds[node.feature];
      if (span === undefined) throw treesInvalid(`a split on feature ${node.feature} of ${model.features}`);
      if (!Number.isFinite(node.threshold)) throw treesInvalid(`a threshold of ${node.threshold}`);
      span[0] = Math.min(span[0], node.threshold);
      span[1] = Math.max(span[1], node.threshold);
      // x < 2.5 and x <= 2 are the same for whole x.
      // LightGBM writes such halves a few units in the last place off, and 1e-35 for zero.
      const halves = 2 * node.threshold;
      whole[node.feature] &&=
        Math.abs(halves - Math.round(halves)) <= Math.max(1e-9 * Math.abs(halves), 1e-30);
    }
  const each = thresholds.map(([from, to], f): { scale: number; zeroPoint: number; exact: boolean } => {
    const range = ranges?.[f];
    if (range !== undefined) return { ...affine(range[0], range[1], low, high), exact: false };
    if (from > to) return { scale: 1, zeroPoint: 0, exact: true }; // never asked for
    if (whole[f]! && from > low && to < high) return { scale: 1, zeroPoint: 0, exact: true };
    // A quarter beyond both ends: whatever lies there falls on the same side of every threshold.
    const margin = (to - from) / 4 || Math.abs(from) / 8 || 2 ** -20;
    return { ...affine(from - margin, to + margin, low, high), exact: false };
  });
  const exact = each.filter((e) => e.exact).length;
  const [first] = each;
  if (each.every((e) => e.scale === first!.scale && e.zeroPoint === first!.zeroPoint))
    return { scales: [first!.scale], zeroPoints: [first!.zeroPoint], axis: null, exact };
  return { scales: each.map((e) => e.scale), zeroPoints: each.map((e) => e.zeroPoint), axis: 1, exact };
}

/** from..to on low..high with an integer zero point inside the type. */
function affine(from: number, to: number, low: number, high: number): { scale: number; zeroPoint: number } {
  if (!(from < to && Number.isFinite(to - from))) throw treesInvalid(`a feature from ${from} to ${to}`);
  // Zero must lie in the type too, so a range far from it is widened to reach it.
  const [a, z] = [Math.min(from, 0), Math.max(to, 0)];
  const scale = Math.fround(Math.max((z - a) / (high - low - 1), 2 ** -100));
  if (!Number.isFinite(scale)) throw treesInvalid(`a feature from ${from} to ${to}`);
  return { scale, zeroPoint: Math.max(low, Math.min(high, Math.round(low - a / scale))) };
}

/** The greatest q that goes left. */
function limitOf(node: { threshold: number; isStrict: boolean }, scale: number, zeroPoint: number): number {
  // scale has 24 bits and k less than 29, so k * scale is exact: no comparison is left to rounding.
  const goesLeft = (k: number): boolean =>
    node.isStrict ? k * scale < node.threshold : k * scale <= node.threshold;
  let k = Math.floor(node.threshold / scale);
  if (Math.abs(k) > 2 ** 28) return Math.sign(k) * 2 ** 28;
  while (goesLeft(k + 1)) k++;
  while (!goesLeft(k)) k--;
  return k + zeroPoint;
}

// ---- trees ---------------------------------------------------------------------------------------------------------

type Flat = (
  { feature: number; limit: number; left: number; right: number } | { leaf: number | readonly number[] }
)[];

/** Parents before children, from the root; splits that no integer can tell apart are left out. */
function flatten(
  tree: Tree,
  features: number,
  q: Quantization,
  [low, high]: readonly [number, number],
): Flat {
  const flat: Flat = [];
  const seen = new Set<number>();
  const reach = (index: number): { node: TreeNode; limit: number } => {
    for (;;) {
      const node = tree.nodes[index];
      if (node === undefined || seen.has(index)) throw treesInvalid('a tree has missing or shared nodes');
      seen.add(index);
      if ('leaf' in node) return { node, limit: 0 };
      if (!(node.feature >= 0 && node.feature < features))
        throw treesInvalid(`a split on feature ${node.feature} of ${features}`);
      const slice = q.axis === null ? 0 : node.feature;
      const limit = limitOf(node, q.scales[slice]!, q.zeroPoints[slice]!);
      if (limit >= low && limit < high) return { node, limit };
      index = limit < low ? node.right : node.left;
    }
  };
  const pending: { index: number; parent: number; side: 'left' | 'right' }[] = [
    { index: 0, parent: -1, side: 'left' },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, limit } = reach(next.index);
    const at = flat.length;
    if (at > 0xffff)
      throw fault('compiler.limit-exceeded', {
        what: 'nodes of a tree',
        found: tree.nodes.length,
        limit: 65_536,
      });
    const parent = flat[next.parent];
    if (parent !== undefined && 'limit' in parent) parent[next.side] = at;
    if ('leaf' in node) {
      flat.push({ leaf: node.leaf });
      continue;
    }
    flat.push({ feature: node.feature, limit, left: 0, right: 0 });
    pending.push(
      { index: node.right, parent: at, side: 'right' },
      { index: node.left, parent: at, side: 'left' },
    );
  }
  return flat;
}

// ---- leaves --------------------------------------------------------------------------------------------------------

interface FixedPoint {
  readonly nodes: Uint8Array;
  readonly base: number[];
  readonly leaves: number[];
  readonly bits: number;
  readonly leafRows: boolean;
  /** Of a sum (or mean), before it is rounded to the output. */
  readonly error: number;
  /** Least and greatest sum of each class. */
  readonly bounds: readonly (readonly [number, number])[];
}

function fixedPoint(model: TreeModel, trees: readonly Flat[], classes: number): FixedPoint {
  const leafRows = trees.some((tree) => tree.some((node) => 'leaf' in node && typeof node.leaf === 'object'));
  const outputOf = (t: number): number => (model.link === 'logistic' ? 1 : model.trees[t]!.output);
  const share = model.average ? trees.length : 1; // a mean's base counts once per tree
  const base = (model.link === 'logistic' ? [0, model.base[0]!] : model.base).map((b) => b * share);
  const bounds = base.map((b): [number, number] => [b, b]);
  let most = 0;
  trees.forEach((tree, t) => {
    const spans = Array.from({ length: classes }, () => [Infinity, -Infinity]);
    for (const node of tree) {
      if (!('leaf' in node)) continue;
      const row = rowOf(node.leaf, classes, outputOf(t), leafRows);
      row.forEach((value, c) => {
        most = Math.max(most, Math.abs(value));
        spans[c]![0] = Math.min(spans[c]![0]!, value);
        spans[c]![1] = Math.max(spans[c]![1]!, value);
      });
    }
    spans.forEach(([from, to], c) => {
      bounds[c]![0] += from!;
      bounds[c]![1] += to!;
    });
  });
  const largest = Math.max(2 ** -20, ...bounds.flat().map(Math.abs), ...base.map(Math.abs));
  if (!Number.isFinite(largest) || largest >= 2 ** 30) throw treesInvalid(`scores of ${largest}`);
  // Sums below 2^30; a row's values in 16 bits.
  const bits = Math.max(
    0,
    Math.min(
      26,
      29 - Math.ceil(Math.log2(largest)),
      leafRows ? 14 - Math.ceil(Math.log2(Math.max(most, 2 ** -12))) : 26,
    ),
  );
  const round = (value: number): number => Math.round(value * 2 ** bits);
  const rows = new Map<string, number>();
  const leaves: number[] = [];
  const nodes = new Uint8Array(trees.reduce((n, tree) => n + tree.length, 0) * TREE_NODE_BYTES);
  const view = new DataView(nodes.buffer);
  let at = 0;
  trees.forEach((tree, t) => {
    for (const node of tree) {
      if ('leaf' in node) {
        view.setUint16(at, LEAF, true);
        if (leafRows) {
          const row = rowOf(node.leaf, classes, outputOf(t), true).map(round);
          const key = row.join();
          if (!rows.has(key)) {
            rows.set(key, rows.size);
            leaves.push(...row);
          }
          view.setUint32(at + 4, rows.get(key)!, true);
        } else view.setInt32(at + 4, round(node.leaf as number), true);
      } else {
        view.setUint16(at, node.feature, true);
        view.setInt16(at + 2, node.limit, true);
        view.setUint16(at + 4, node.left, true);
        view.setUint16(at + 6, node.right, true);
      }
      at += TREE_NODE_BYTES;
    }
  });
  if (!leafRows) trees.forEach((_, t) => leaves.push(outputOf(t)));
  const perTree = 2 ** -(bits + 1);
  const error = perTree * (model.average ? 1 + 1 / trees.length : trees.length + 1);
  return { nodes, base: base.map(round), leaves, bits, leafRows, error, bounds };
}

/** What a leaf adds to each class. */
function rowOf(
  leaf: number | readonly number[],
  classes: number,
  output: number,
  leafRows: boolean,
): readonly number[] {
  const row =
    typeof leaf === 'object'
      ? leaf
      : leafRows || classes > 1
        ? Array.from({ length: classes }, (_, c) => (c === output ? leaf : 0))
        : [leaf];
  if (row.length !== classes || !row.every(Number.isFinite))
    throw treesInvalid(`a leaf has ${row.length} values for ${classes} outputs`);
  return row;
}

function outputQuantization(model: TreeModel, fixed: FixedPoint): Pick<Tensor, 'dtype' | 'quantization'> {
  const of = (scale: number, zeroPoint: number): Quantization => ({
    scales: [Math.fround(scale)],
    zeroPoints: [zeroPoint],
    axis: null,
  });
  if (model.link !== 'none' || model.probabilities === true)
    return { dtype: 'int8', quantization: of(1 / 256, -128) };
  const most =
    Math.max(2 ** -20, ...fixed.bounds.flat().map(Math.abs)) / (model.average ? model.trees.length : 1);
  return { dtype: 'int16', quantization: of(most / 32_000, 0) };
}
