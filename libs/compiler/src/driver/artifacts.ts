// What else a compiled model can be besides a bundle. Both say the same as the bundle does.
import { runtimeSources } from '@tinyfleet/firmware';
import { emitCLibrary } from '../backends/c/emit.js';
import { writeTflite } from '../backends/tflite/write.js';
import type { CompileResult } from './compile.js';

/** Sources of a static library: path -> text. */
export async function cLibrary(
  result: Pick<CompileResult, 'contents'>,
): Promise<ReadonlyMap<string, string>> {
  return emitCLibrary(result.contents, await runtimeSources());
}

/** The quantized model as TensorFlow Lite writes it. Throws RangeError for what that format cannot say. */
export function tfliteModel(result: Pick<CompileResult, 'graph'>): Uint8Array {
  return writeTflite(result.graph);
}
