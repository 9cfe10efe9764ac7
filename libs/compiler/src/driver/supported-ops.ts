// What the frontends read, by the names their formats use: for the generated table of docs/spec/supported-ops.md.
import { LAYERS } from '../frontends/keras/layers/table.js';
import { FOLDS } from '../frontends/onnx/folding.js';
import { IMPORTERS as ONNX } from '../frontends/onnx/ops/table.js';
import { IMPORTERS as TFLITE } from '../frontends/tflite/ops/table.js';

export interface SupportedOps {
  readonly tflite: readonly string[];
  readonly onnx: readonly string[];
  /** ONNX operators on constants only. */
  readonly onnxFolded: readonly string[];
  /** Keras files and tfjs LayersModels. */
  readonly keras: readonly string[];
}

/** Sorted. */
export const SUPPORTED_OPS: SupportedOps = {
  tflite: Object.keys(TFLITE).sort(),
  onnx: Object.keys(ONNX).sort(),
  onnxFolded: Object.keys(FOLDS)
    .filter((name) => ONNX[name] === undefined)
    .sort(),
  keras: Object.keys(LAYERS).sort(),
};
