// ONNX-ML's TreeEnsembleClassifier and TreeEnsembleRegressor, with what converters put around them (ZipMap, Normalizer,
// Cast, Identity): a model of its own kind, read apart from nets. The scores are the output; a label is their largest.
import type { Diagnostic } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { within, type ModelLimits } from '../limits.js';
import { nodeFault } from '../net/fault.js';
import {
  checkLeafValues,
  treeGraph,
  treesInvalid,
  type FeatureOptions,
  type Tree,
  type TreeModel,
  type TreeNode,
} from '../trees.js';
import type { AttributeProto, GraphProto, NodeProto } from './schema.js';

const ENSEMBLES: ReadonlySet<string> = new Set(['TreeEnsembleClassifier', 'TreeEnsembleRegressor']);

/** Around an ensemble they change the shape of the answer only, or sort it by name. */
const AROUND: ReadonlySet<string> = new Set([
  'ZipMap',
  'Normalizer',
  'Cast',
  'Identity',
  'Reshape',
  'Flatten',
  'Constant',
]);

export function isTreeModel(graph: GraphProto): boolean {
  return graph.node.some(({ opType }) => ENSEMBLES.has(opType));
}

export function openTrees(
  graph: GraphProto,
  o: { readonly limits: ModelLimits; readonly features?: FeatureOptions; readonly notes: Diagnostic[] },
): Graph {
  const found = graph.node.filter(({ opType }) => ENSEMBLES.has(opType));
  const others = graph.node.filter(({ opType }) => !ENSEMBLES.has(opType) && !AROUND.has(opType));
  if (found.length > 1 || others.length > 0) {
    const reason = `beside a tree ensemble it has ${[...found.slice(1), ...others].map(({ opType, name }) => `${opType} (${name})`).join(', ')}`;
    throw treesInvalid(reason);
  }
  const attributes = new Attributes(found[0]!);
  within('nodes of all trees', attributes.ints('nodes_treeids').length, o.limits.vectorElements);
  const features = featureCount(graph, attributes);
  const { trees, indexOf } = readTrees(attributes);
  const name = graph.name || 'trees';
  const model =
    found[0]!.opType === 'TreeEnsembleClassifier'
      ? classifier(attributes, { name, features, trees, indexOf })
      : regressor(attributes, { name, features, trees, indexOf });
  return treeGraph(model, o.features ?? {}, o.notes);
}

class Attributes {
  private readonly byName: ReadonlyMap<string, AttributeProto>;

  constructor(private readonly node: NodeProto) {
    this.byName = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
    for (const name of ['nodes_values_as_tensor', 'class_weights_as_tensor', 'target_weights_as_tensor'])
      if (this.byName.has(name)) throw this.option(`${name} (doubles)`);
  }

  ints(name: string): readonly number[] {
    return this.byName.get(name)?.ints ?? [];
  }

  floats(name: string): readonly number[] {
    return this.byName.get(name)?.floats ?? [];
  }

  texts(name: string): string[] {
    return (this.byName.get(name)?.strings ?? []).map((bytes) => new TextDecoder().decode(bytes));
  }

  text(name: string, fallback: string): string {
    const bytes = this.byName.get(name)?.s;
    return bytes ? new TextDecoder().decode(bytes) : fallback;
  }

  int(name: string, fallback: number): number {
    return this.byName.get(name)?.i ?? fallback;
  }

  option(option: string) {
    const { opType, name } = this.node;
    return nodeFault('compiler.option-unsupported', { op: `${opType} ${name}`, option }, { op: name });
  }
}

/** Of the input, else one more than the largest that a split asks for. */
function featureCount(graph: GraphProto, attributes: Attributes): number {
  const dims = graph.input[0]?.type?.tensorType?.shape?.dim ?? [];
  const last = dims.at(-1)?.dimValue ?? 0;
  return last > 0 ? last : attributes.ints('nodes_featureids').reduce((n, id) => Math.max(n, id + 1), 1);
}

type Split = Exclude<TreeNode, { leaf: unknown }>;

interface Trees {
  /** Nodes in the file's order behind the root; leaves are empty until their weights are known. */
  readonly trees: { nodes: (Split | null)[] }[];
  /** Tree and place of a node, by `tree:node` of the file. */
  readonly indexOf: ReadonlyMap<string, readonly [tree: number, place: number]>;
}

function readTrees(attributes: Attributes): Trees {
  const [treeIds, nodeIds] = [attributes.ints('nodes_treeids'), attributes.ints('nodes_nodeids')];
  const modes = attributes.texts('nodes_modes');
  const values = attributes.floats('nodes_values');
  const [yes, no] = [attributes.ints('nodes_truenodeids'), attributes.ints('nodes_falsenodeids')];
  const ids = attributes.ints('nodes_featureids');
  if (
    [nodeIds, modes, values, yes, no, ids].some(({ length }) => length !== treeIds.length) ||
    treeIds.length === 0
  )
    throw treesInvalid('its lists of nodes differ in length');
  const rows = new Map<number, number[]>();
  treeIds.forEach((tree, row) => {
    const own = rows.get(tree) ?? [];
    if (own.push(row) === 1) rows.set(tree, own);
  });
  const indexOf = new Map<string, readonly [number, number]>();
  [...rows].forEach(([tree, own], t) => {
    const children = new Set(own.flatMap((row) => (modes[row] === 'LEAF' ? [] : [yes[row]!, no[row]!])));
    // The root is nobody's child; it goes first.
    const root = own.findIndex((row) => !children.has(nodeIds[row]!));
    const order = root <= 0 ? own : [own[root]!, ...own.slice(0, root), ...own.slice(root + 1)];
    order.forEach((row, place) => indexOf.set(`${tree}:${nodeIds[row]!}`, [t, place]));
    rows.set(tree, order);
  });
  const trees = [...rows].map(([tree, own]) => ({
    nodes: own.map((row): Split | null => {
      const mode = modes[row]!;
      if (mode === 'LEAF') return null;
      const rule = MODES[mode];
      if (rule === undefined) throw attributes.option(`splits of kind ${mode}`);
      const place = (node: number): number => indexOf.get(`${tree}:${node}`)?.[1] ?? -1;
      const [left, right] = rule.swapped ? [no[row]!, yes[row]!] : [yes[row]!, no[row]!];
      return {
        feature: ids[row]!,
        threshold: values[row]!,
        isStrict: rule.isStrict,
        left: place(left),
        right: place(right),
      };
    }),
  }));
  return { trees, indexOf };
}

/** Left where feature <= threshold, or < when strict; `swapped`: the true branch is the right one. */
const MODES: Readonly<Record<string, { isStrict: boolean; swapped: boolean }>> = {
  BRANCH_LEQ: { isStrict: false, swapped: false },
  BRANCH_LT: { isStrict: true, swapped: false },
  BRANCH_GT: { isStrict: false, swapped: true },
  BRANCH_GTE: { isStrict: true, swapped: true },
};

interface Parts extends Trees {
  readonly name: string;
  readonly features: number;
}

/** What each leaf adds to each output. */
function leafRows(
  { trees, indexOf }: Trees,
  w: {
    treeIds: readonly number[];
    nodeIds: readonly number[];
    ids: readonly number[];
    weights: readonly number[];
  },
  outputs: number,
): number[][][] {
  checkLeafValues(indexOf.size, outputs);
  const rows = trees.map(({ nodes }) => nodes.map(() => new Array<number>(outputs).fill(0)));
  if ([w.nodeIds, w.ids, w.weights].some(({ length }) => length !== w.treeIds.length))
    throw treesInvalid('its lists of leaves differ in length');
  w.treeIds.forEach((tree, i) => {
    const place = indexOf.get(`${tree}:${w.nodeIds[i]!}`);
    const id = w.ids[i]!;
    if (place === undefined || !(Number.isInteger(id) && id >= 0 && id < outputs))
      throw treesInvalid(
        `a weight belongs to node ${w.nodeIds[i]!} of tree ${tree} and class ${id}, which do not exist`,
      );
    rows[place[0]]![place[1]]![id]! += w.weights[i]!;
  });
  return rows;
}

/** Trees whose leaves have one value where that says it all. */
function withLeaves({ trees }: Trees, rows: readonly (readonly (readonly number[])[])[]): Tree[] {
  return trees.map(({ nodes }, t) => {
    const used = new Set(
      nodes.flatMap((node, i) => (node === null ? rows[t]![i]!.flatMap((v, c) => (v !== 0 ? [c] : [])) : [])),
    );
    const [output = 0] = used;
    const single = used.size <= 1;
    const leaf = (i: number): TreeNode => ({ leaf: single ? rows[t]![i]![output]! : rows[t]![i]! });
    return { nodes: nodes.map((node, i) => node ?? leaf(i)), output };
  });
}

function classifier(a: Attributes, parts: Parts): TreeModel {
  const { name, features } = parts;
  const labels = Math.max(a.ints('classlabels_int64s').length, a.texts('classlabels_strings').length);
  const w = {
    treeIds: a.ints('class_treeids'),
    nodeIds: a.ints('class_nodeids'),
    ids: a.ints('class_ids'),
    weights: a.floats('class_weights'),
  };
  const transform = a.text('post_transform', 'NONE');
  const given = a.floats('base_values');
  const average = false;
  // Two classes and weights of the first: they are the score of the second one, as ONNX Runtime has it.
  const one = labels === 2 && w.ids.every((id) => id === 0);
  if (one && transform === 'LOGISTIC') {
    const trees = withLeaves(parts, leafRows(parts, w, 1));
    return { name, features, outputs: 1, trees, base: [given[0] ?? 0], link: 'logistic', average };
  }
  if (transform !== 'NONE' && transform !== 'SOFTMAX') throw a.option(`post_transform ${transform}`);
  if (one && transform === 'SOFTMAX') throw a.option('SOFTMAX of one score');
  const rows = leafRows(parts, one ? { ...w, ids: w.ids.map(() => 1) } : w, labels);
  const score = given[0] ?? 0;
  const base = one ? [-score, score] : Array.from({ length: labels }, (_, c) => given[c] ?? 0);
  if (one) {
    // The other class has the rest of 1, or the opposite where scores may be negative.
    const share = w.weights.some((weight) => weight < 0) ? 0 : 1 / parts.trees.length;
    for (const tree of rows) for (const row of tree) row[0] = share - row[1]!;
  }
  const link = transform === 'SOFTMAX' ? 'softmax' : 'none';
  const trees = withLeaves(parts, rows);
  return {
    name,
    features,
    outputs: labels,
    trees,
    base,
    link,
    average,
    probabilities: sumToOne(parts, rows),
  };
}

/** Do the rows of any choice of leaves sum to 1, as a forest's shares do? */
function sumToOne({ trees }: Trees, rows: readonly (readonly (readonly number[])[])[]): boolean {
  const totals = trees.map(({ nodes }, t) =>
    nodes.reduce<[number, number]>(
      ([least, most], node, i) => {
        if (node !== null) return [least, most];
        const sum = rows[t]![i]!.reduce((n, v) => n + v, 0);
        return [Math.min(least, sum), Math.max(most, sum)];
      },
      [Infinity, -Infinity],
    ),
  );
  const [low, high] = totals.reduce<[number, number]>(([l, h], [from, to]) => [l + from, h + to], [0, 0]);
  const positive = rows.every((tree) => tree.every((row) => row.every((v) => v >= 0)));
  return positive && Math.abs(low - 1) < 1e-3 && Math.abs(high - 1) < 1e-3;
}

function regressor(a: Attributes, parts: Parts): TreeModel {
  const { name, features } = parts;
  const outputs = a.int('n_targets', 1);
  within('outputs', outputs, 4096);
  const aggregate = a.text('aggregate_function', 'SUM');
  if (aggregate !== 'SUM' && aggregate !== 'AVERAGE') throw a.option(`aggregate_function ${aggregate}`);
  const transform = a.text('post_transform', 'NONE');
  if (transform !== 'NONE') throw a.option(`post_transform ${transform}`);
  const w = {
    treeIds: a.ints('target_treeids'),
    nodeIds: a.ints('target_nodeids'),
    ids: a.ints('target_ids'),
    weights: a.floats('target_weights'),
  };
  const given = a.floats('base_values');
  const base = Array.from({ length: outputs }, (_, c) => given[c] ?? 0);
  const trees = withLeaves(parts, leafRows(parts, w, outputs));
  return { name, features, outputs, trees, base, link: 'none', average: aggregate === 'AVERAGE' };
}
