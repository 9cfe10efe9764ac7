// What else a compiled model can be besides a bundle. Both say the same as the bundle does.
import { FleetError } from '@tinyfleet/errors';
import { runtimeSources } from '@tinyfleet/firmware';
import { emitCLibrary } from '../backends/c/emit.js';
import { writeTflite } from '../backends/tflite/write.js';
import type { CompileResult } from './compile.js';

/** Sources of a static library: path -> text. Throws compiler.c-library-unsupported for a plan with a signal front end. */
export async function cLibrary(
  result: Pick<CompileResult, 'contents'>,
): Promise<ReadonlyMap<string, string>> {
  if (result.contents.plan.frontEnd !== undefined)
    throw new FleetError('compiler.c-library-unsupported', {
      reason: 'its signal front end runs in bundles only',
    });
  return emitCLibrary(result.contents, await runtimeSources());
}

/** The quantized model as a TensorFlow Lite file. Throws compiler.tflite-unsupported for what that format cannot say. */
export function tfliteModel(result: Pick<CompileResult, 'graph'>): Uint8Array {
  try {
    return writeTflite(result.graph);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FleetError('compiler.tflite-unsupported', { reason: error.message });
  }
}
