// XGBoost: the JSON of save_model, which says everything, and the bare trees of dump_model(dump_format="json"), which say no
// objective. Splits send x < condition to the left; conditions and leaves are float32.
import { treesInvalid, type Tree, type TreeModel, type TreeNode } from '../trees.js';
import { count, list, number, numbers, object, text, type Json } from './json.js';

/** What a bare dump does not say. */
export interface DumpOptions {
  /** Default regression: the sum itself. */
  readonly objective?: 'regression' | 'binary' | 'multiclass';
  /** Of multiclass. */
  readonly classes?: number;
  /** As XGBoost's parameter: a probability for binary. Default 0.5 for binary, else 0. */
  readonly baseScore?: number;
  /** In order, when the dump names features; else it must say f0, f1, ... */
  readonly featureNames?: readonly string[];
}

const logit = (p: number): number => {
  if (!(p > 0 && p < 1)) throw treesInvalid(`a base score of ${p} is no probability`);
  return Math.log(p / (1 - p));
};

const LINKS: Readonly<Record<string, TreeModel['link']>> = {
  'binary:logistic': 'logistic',
  'reg:logistic': 'logistic',
  'multi:softmax': 'softmax',
  'multi:softprob': 'softmax',
};
/** Their output is the sum itself. */
const IDENTITY =
  /^(reg:(squarederror|linear|absoluteerror|pseudohubererror|quantileerror|squaredlogerror)|binary:logitraw|binary:hinge|rank:.*)$/;

function linkOf(objective: string): TreeModel['link'] {
  if (IDENTITY.test(objective)) return 'none';
  const link = LINKS[objective];
  if (link === undefined)
    throw treesInvalid(`the objective ${objective} transforms its output in a way no device does`);
  return link;
}

export const isModel = (file: Json): boolean => typeof file['learner'] === 'object';

export function readModel(file: Json): TreeModel {
  const learner = object(file['learner'], 'learner');
  const parameters = object(learner['learner_model_param'], 'learner_model_param');
  const objective = text(object(learner['objective'], 'objective')['name'], 'objective.name');
  let booster = object(learner['gradient_booster'], 'gradient_booster');
  const kind = text(booster['name'], 'gradient_booster.name');
  const drop = kind === 'dart' ? numbers(booster['weight_drop'], 'weight_drop') : [];
  if (kind === 'dart') booster = object(booster['gbtree'], 'gradient_booster.gbtree');
  else if (kind !== 'gbtree') throw treesInvalid(`the booster ${kind} has no trees`);
  const model = object(booster['model'], 'gradient_booster.model');
  const classes = Math.max(1, number(parameters['num_class'] ?? 0, 'num_class'));
  const outputs = Math.max(count(classes, 'num_class'), count(parameters['num_target'] ?? 1, 'num_target'));
  const info = numbers(model['tree_info'], 'tree_info');
  const link = linkOf(objective);
  const score = parameters['base_score'] ?? 0.5;
  const scores = typeof score === 'string' ? score.replace(/[[\]]/g, '').split(',') : [score];
  const base = Array.from({ length: outputs }, (_, k) => {
    const value = number(scores[scores.length === 1 ? 0 : k], 'base_score');
    // The base score of logits is a probability too.
    return link === 'logistic' || objective === 'binary:logitraw' ? logit(value) : value;
  });
  return {
    name: 'xgboost',
    features: count(parameters['num_feature'], 'num_feature'),
    outputs,
    trees: list(model['trees'], 'trees').map((tree, t) =>
      readTree(object(tree, `trees[${t}]`), info[t] ?? 0, drop[t] ?? 1),
    ),
    base,
    link,
    average: false,
  };
}

function readTree(tree: Json, output: number, weight: number): Tree {
  const [left, right] = [
    numbers(tree['left_children'], 'left_children'),
    numbers(tree['right_children'], 'right_children'),
  ];
  const conditions = numbers(tree['split_conditions'], 'split_conditions');
  const indices = numbers(tree['split_indices'], 'split_indices');
  if (right.length !== left.length || conditions.length !== left.length || indices.length !== left.length)
    throw treesInvalid("a tree's lists have different lengths");
  if (
    Array.isArray(tree['split_type']) &&
    numbers(tree['split_type'], 'split_type').some((type) => type !== 0)
  )
    throw treesInvalid('a split is categorical');
  if (number(object(tree['tree_param'] ?? {}, 'tree_param')['size_leaf_vector'] ?? 1, 'size_leaf_vector') > 1)
    throw treesInvalid('a leaf has several values');
  const nodes = left.map((child, i): TreeNode => {
    const condition = Math.fround(conditions[i]!);
    if (child < 0) return { leaf: condition * weight };
    return { feature: indices[i]!, threshold: condition, isStrict: true, left: child, right: right[i]! };
  });
  return { nodes, output };
}

export const isDump = (file: unknown): file is readonly unknown[] =>
  Array.isArray(file) &&
  file.length > 0 &&
  file.every((tree) => typeof tree === 'object' && tree !== null && ('leaf' in tree || 'children' in tree));

export function readDump(file: readonly unknown[], options: DumpOptions): TreeModel {
  const { objective = 'regression', classes = 0, baseScore, featureNames } = options;
  const outputs = objective === 'multiclass' ? classes : 1;
  if (objective === 'multiclass' && !(Number.isInteger(classes) && classes >= 2 && classes <= 32_767))
    throw treesInvalid('the number of classes is missing');
  let features = featureNames?.length ?? 1;
  const featureOf = (name: string): number => {
    const named = featureNames?.indexOf(name) ?? -1;
    const index = named >= 0 ? named : /^f\d+$/.test(name) ? Number(name.slice(1)) : -1;
    if (index < 0) throw treesInvalid(`the feature ${name} is not among the names given`);
    features = Math.max(features, index + 1);
    return index;
  };
  const trees = file.map((tree, t): Tree => ({
    nodes: dumpNodes(object(tree, `tree ${t}`), featureOf),
    output: t % outputs,
  }));
  const base = objective === 'binary' ? logit(baseScore ?? 0.5) : (baseScore ?? 0);
  return {
    name: 'xgboost',
    features,
    outputs,
    trees,
    base: new Array<number>(outputs).fill(base),
    link: objective === 'binary' ? 'logistic' : objective === 'multiclass' ? 'softmax' : 'none',
    average: false,
  };
}

/** Nested nodes to a list, by a stack: a deep tree of a stranger must not end ours. */
function dumpNodes(root: Json, featureOf: (name: string) => number): TreeNode[] {
  const nodes: TreeNode[] = [];
  const pending: { node: Json; at: number }[] = [{ node: root, at: 0 }];
  let next = 1;
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node, at } = item;
    if ('leaf' in node) {
      nodes[at] = { leaf: Math.fround(number(node['leaf'], 'leaf')) };
      continue;
    }
    const children = list(node['children'], 'children').map((child) => object(child, 'child'));
    const places = [node['yes'], node['no']].map((id) =>
      children.findIndex((child) => child['nodeid'] === id),
    );
    if (children.length !== 2 || places[0]! < 0 || places[1]! < 0)
      throw treesInvalid('a split has no two children');
    nodes[at] = {
      feature: featureOf(text(node['split'], 'split')),
      threshold: Math.fround(number(node['split_condition'], 'split_condition')),
      isStrict: true,
      left: next,
      right: next + 1,
    };
    pending.push({ node: children[places[0]!]!, at: next }, { node: children[places[1]!]!, at: next + 1 });
    next += 2;
  }
  return nodes;
}
