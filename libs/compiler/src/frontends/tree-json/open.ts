// JSON dumps of tree ensembles: XGBoost's and LightGBM's own formats, told apart by their keys.
import type { Diagnostic } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { within, type ModelLimits } from '../limits.js';
import { treeGraph, type FeatureOptions, type TreeModel } from '../trees.js';
import * as lightgbm from './lightgbm.js';
import * as xgboost from './xgboost.js';
import type { Json } from './json.js';

export interface TreeImportOptions {
  readonly features?: FeatureOptions;
  readonly dump?: xgboost.DumpOptions;
}

/** Near the start of each format; nothing else of such a size is worth parsing. */
const SIGNATURE = /^\s*[[{][^]*"(learner|max_feature_idx|nodeid|leaf)"/;

function parse(file: Uint8Array, limits: ModelLimits): unknown {
  if (!SIGNATURE.test(new TextDecoder('latin1').decode(file.subarray(0, 4096)))) return undefined;
  if (file.length > limits.jsonBytes) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(file)) as unknown;
  } catch {
    return undefined; // not JSON, or nested deeper than its parser goes
  }
}

function reader(value: unknown, options: TreeImportOptions): (() => TreeModel) | undefined {
  if (xgboost.isDump(value)) return () => xgboost.readDump(value, options.dump ?? {});
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (xgboost.isModel(value as Json)) return () => xgboost.readModel(value as Json);
  if (lightgbm.isModel(value as Json)) return () => lightgbm.readModel(value as Json);
  return undefined;
}

/** The graph, or undefined for a file of another kind. Throws compiler.trees-invalid. */
export function openTrees(
  file: Uint8Array,
  limits: ModelLimits,
  options: TreeImportOptions,
  notes: Diagnostic[],
): Graph | undefined {
  const read = reader(parse(file, limits), options);
  if (read === undefined) return undefined;
  const model = read();
  within('trees', model.trees.length, 65_535);
  return treeGraph(model, options.features ?? {}, notes);
}
