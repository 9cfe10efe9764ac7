// The frontends the driver offers a file to, in this order: those with a signature first.
import { fault, type Diagnostic } from '../ir/diagnostics.js';
import type { Graph } from '../ir/graph.js';
import { describeFile } from '../frontends/describe.js';
import { openDistances } from '../frontends/distance-json/open.js';
import * as keras from '../frontends/keras/open.js';
import { DEFAULT_MODEL_LIMITS, within, type ModelLimits } from '../frontends/limits.js';
import * as onnxMatch from '../frontends/onnx/match.js';
import * as onnx from '../frontends/onnx/open.js';
import { match as isTflite } from '../frontends/tflite/match.js';
import { open as openTflite } from '../frontends/tflite/open.js';
import * as tfjs from '../frontends/tfjs/open.js';
import { openTrees, type TreeImportOptions } from '../frontends/tree-json/open.js';

export interface Source {
  readonly bytes: Uint8Array;
  /** For messages only; a file is known by its content. */
  readonly fileName: string;
  /** What lies beside it, by path: the weights of a tfjs model.json. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export type SourceFormat = 'tflite' | 'onnx' | 'keras' | 'tfjs' | 'trees' | 'distances';

export interface Opened {
  readonly format: SourceFormat;
  readonly graph: Graph;
  /** What was decided for the user: an open batch, a moved layout. */
  readonly notes: readonly Diagnostic[];
}

/** A float graph or an integer one. Throws FleetError `compiler.*`. */
export function openSource(
  source: Source,
  limits: Partial<ModelLimits> = {},
  treeOptions: TreeImportOptions = {},
): Opened {
  const { bytes, fileName, files = new Map<string, Uint8Array>() } = source;
  const all = { ...DEFAULT_MODEL_LIMITS, ...limits };
  within('bytes', bytes.length, all.fileBytes);
  const notes: Diagnostic[] = [];
  if (isTflite(bytes)) return { format: 'tflite', graph: openTflite(bytes, all), notes };
  const trees = openTrees(bytes, all, treeOptions, notes);
  if (trees !== undefined) return { format: 'trees', graph: trees, notes };
  const distances = openDistances(bytes, all, notes);
  if (distances !== undefined) return { format: 'distances', graph: distances, notes };
  if (keras.match(bytes, all)) return { format: 'keras', graph: keras.open(bytes, all), notes };
  if (tfjs.match(bytes, all)) return { format: 'tfjs', graph: tfjs.open(bytes, files, all), notes };
  if (onnxMatch.match(bytes))
    return { format: 'onnx', graph: onnx.open(bytes, all, notes, treeOptions.features), notes };
  throw fault('compiler.not-a-model', { file: fileName, reason: describeFile(bytes) });
}
