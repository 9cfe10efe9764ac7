// The frontends the driver offers a file to, in this order.
import { fault } from '../ir/diagnostics.js';
import { isFloat, type Graph } from '../ir/graph.js';
import { DEFAULT_LIMITS, type TfliteLimits } from '../frontends/tflite/limits.js';
import { describeFile, match } from '../frontends/tflite/match.js';
import { open } from '../frontends/tflite/open.js';

export interface Source {
  readonly bytes: Uint8Array;
  /** For messages only; a file is known by its content. */
  readonly fileName: string;
}

export interface Opened {
  readonly format: 'tflite';
  readonly graph: Graph;
}

/** Throws FleetError `compiler.*`. */
export function openSource(source: Source, limits: Partial<TfliteLimits> = {}): Opened {
  if (match(source.bytes)) {
    const graph = open(source.bytes, { ...DEFAULT_LIMITS, ...limits });
    if (isFloat(graph)) throw fault('compiler.not-quantized', { types: 'float32' });
    return { format: 'tflite', graph };
  }
  throw fault('compiler.not-a-model', { file: source.fileName, reason: describeFile(source.bytes) });
}
