// What a model file may ask for. Every count here bounds memory or time spent on a stranger's file.
import { fault } from '../../ir/diagnostics.js';

export interface TfliteLimits {
  /** Of the whole file. A microcontroller's model is far below; 64 MiB bounds what a worker copies. */
  readonly fileBytes: number;
  /** Tables decoded in all: stops small files whose tables share children many times over. */
  readonly tables: number;
  /** Elements of all number vectors and reference vectors together, for the same reason. */
  readonly vectorElements: number;
  /** Tables inside tables; the schema needs 4. */
  readonly nesting: number;
  readonly nameBytes: number;
  readonly tensors: number;
  /** The bundle format ends at 4,096 steps. */
  readonly operators: number;
  readonly rank: number;
  /** Of one tensor, constant or not: bounds every buffer that a shape alone makes us allocate. */
  readonly tensorBytes: number;
}

export const DEFAULT_LIMITS: TfliteLimits = {
  fileBytes: 64 * 1024 * 1024,
  tables: 100_000,
  vectorElements: 4_000_000,
  nesting: 8,
  nameBytes: 4096,
  tensors: 16_384,
  operators: 4096,
  rank: 6,
  tensorBytes: 64 * 1024 * 1024,
};

/** Throws compiler.limit-exceeded above `limit`. */
export function within(what: string, found: number, limit: number): void {
  if (found > limit) throw fault('compiler.limit-exceeded', { what, found, limit });
}
