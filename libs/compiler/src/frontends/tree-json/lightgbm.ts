// LightGBM's dump_model(): nested trees whose splits send x <= threshold to the left, in doubles.
import { treesInvalid, type Tree, type TreeModel, type TreeNode } from '../trees.js';
import { count, list, number, object, text, type Json } from './json.js';

/** Their output is the sum itself. */
const IDENTITY = /^(regression|regression_l1|huber|fair|quantile|mape|lambdarank|rank_xendcg|custom|none)$/;

export const isModel = (file: Json): boolean => Array.isArray(file['tree_info']) && 'max_feature_idx' in file;

export function readModel(file: Json): TreeModel {
  const [objective = 'none', ...parameters] =
    typeof file['objective'] === 'string' ? file['objective'].split(' ') : [];
  const perIteration = count(file['num_tree_per_iteration'] ?? 1, 'num_tree_per_iteration');
  const sigmoid = number(parameters.find((p) => p.startsWith('sigmoid:'))?.slice(8) ?? 1, 'sigmoid');
  const logistic = objective === 'binary' || objective === 'cross_entropy';
  if (!logistic && objective !== 'multiclass' && !IDENTITY.test(objective))
    throw treesInvalid(`the objective ${objective} transforms its output in a way no device does`);
  if (parameters.includes('sqrt')) throw treesInvalid('the target was transformed (reg_sqrt)');
  const scale = objective === 'binary' ? sigmoid : 1;
  const trees = list(file['tree_info'], 'tree_info').map((item, t): Tree => {
    const info = object(item, `tree_info[${t}]`);
    return {
      nodes: nodesOf(object(info['tree_structure'], 'tree_structure'), scale),
      output: t % perIteration,
    };
  });
  return {
    name: 'lightgbm',
    features: count(number(file['max_feature_idx'], 'max_feature_idx') + 1, 'max_feature_idx'),
    outputs: perIteration,
    trees,
    base: new Array<number>(perIteration).fill(0),
    link: logistic ? 'logistic' : objective === 'multiclass' ? 'softmax' : 'none',
    average: file['average_output'] === true,
  };
}

function nodesOf(root: Json, scale: number): TreeNode[] {
  const nodes: TreeNode[] = [];
  const pending: { node: Json; at: number }[] = [{ node: root, at: 0 }];
  let next = 1;
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node, at } = item;
    if (!('split_feature' in node)) {
      nodes[at] = { leaf: number(node['leaf_value'], 'leaf_value') * scale };
      continue;
    }
    if (node['decision_type'] !== '<=')
      throw treesInvalid(`a split is ${text(node['decision_type'], 'decision_type')}, categorical`);
    if (node['missing_type'] === 'Zero') throw treesInvalid('zeros count as missing (zero_as_missing)');
    nodes[at] = {
      feature: number(node['split_feature'], 'split_feature'),
      threshold: number(node['threshold'], 'threshold'),
      isStrict: false,
      left: next,
      right: next + 1,
    };
    pending.push(
      { node: object(node['left_child'], 'left_child'), at: next },
      { node: object(node['right_child'], 'right_child'), at: next + 1 },
    );
    next += 2;
  }
  return nodes;
}
