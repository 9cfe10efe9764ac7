// Is this file a TensorFlow Lite model? By its identifier alone, never by its name.
import { FILE_IDENTIFIER } from '../../ir/tflite-schema.js';

export function match(file: Uint8Array): boolean {
  return file.length >= 8 && String.fromCharCode(...file.subarray(4, 8)) === FILE_IDENTIFIER;
}
