// What the frontends read, by the names their formats use: for the generated table of docs/spec/supported-ops.md.
import { IMPORTERS as TFLITE } from '../frontends/tflite/ops/table.js';

/** Operators and layers by source format, sorted. */
export const SUPPORTED_OPS: Readonly<Record<'tflite', readonly string[]>> = {
  tflite: Object.keys(TFLITE).sort(),
};
