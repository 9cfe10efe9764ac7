// What a model file of any format may ask for. Every count bounds memory or time spent on a stranger's file.
import { fault } from '../ir/diagnostics.js';
import { DEFAULT_LIMITS as TFLITE, type TfliteLimits } from './tflite/limits.js';

export { within } from './tflite/limits.js';

export interface ModelLimits extends TfliteLimits {
  /** Of what an archive holds, unpacked. Twice the file limit: weights hardly compress. */
  readonly expandedBytes: number;
  readonly archiveEntries: number;
  /** Of a model's architecture as JSON; parsing costs about 20 times as much memory. */
  readonly jsonBytes: number;
  /** Of all tensors of one graph together, constant or not. */
  readonly graphBytes: number;
}

export const DEFAULT_MODEL_LIMITS: ModelLimits = {
  ...TFLITE,
  expandedBytes: 128 * 1024 * 1024,
  archiveEntries: 4096,
  jsonBytes: 8 * 1024 * 1024,
  graphBytes: 1024 * 1024 * 1024,
};

/** Counts what a reader builds from a file whose references may be shared or circular. */
export class Budget {
  private structures = 0;
  private elements = 0;

  constructor(readonly limits: ModelLimits) {}

  structure(count = 1): void {
    this.structures += count;
    if (this.structures > this.limits.tables) exceeded('structures', this.structures, this.limits.tables);
  }

  list(count: number): void {
    this.elements += count;
    if (this.elements > this.limits.vectorElements)
      exceeded('list elements', this.elements, this.limits.vectorElements);
  }
}

function exceeded(what: string, found: number, limit: number): never {
  throw fault('compiler.limit-exceeded', { what, found, limit });
}

/** Damage at a byte of the file (or of what was unpacked from it). */
export function damaged(reason: string, offset: number): Error {
  return fault('compiler.model-damaged', { reason, offset });
}
