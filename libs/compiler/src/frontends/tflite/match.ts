// Is this file a TensorFlow Lite model? By its identifier alone, never by its name; and what else it looks like, for
// the message when no frontend wants it.
import { FILE_IDENTIFIER } from '../../ir/tflite-schema.js';

export function match(file: Uint8Array): boolean {
  return file.length >= 8 && ascii(file, 4, 8) === FILE_IDENTIFIER;
}

/** A reader's words for a file that is no .tflite. */
export function describeFile(file: Uint8Array): string {
  if (file.length === 0) return 'it is empty';
  if (file.length < 8) return `it has only ${file.length} bytes`;
  const start = ascii(file, 0, 8);
  if (start.startsWith('\x89HDF')) return 'it is a Keras HDF5 file, which is not supported yet';
  if (start.startsWith('PK')) return 'it is a ZIP archive (.keras, SavedModel); unpack or convert it first';
  if (start.startsWith('\x1f\x8b')) return 'it is gzip-compressed; unpack it first';
  if (start.trimStart().startsWith('{')) return 'it is JSON (a tfjs model?), which is not supported yet';
  if (start.startsWith('\x93NUMPY')) return 'it is a NumPy array';
  if (start.startsWith('TLFB')) return 'it is a bundle that TinyFleet built; give the model it was made from';
  if (start.charCodeAt(0) === 8 && start.charCodeAt(1) < 16)
    return 'it may be ONNX, which is not supported yet';
  return 'it has no TensorFlow Lite identifier (TFL3)';
}

function ascii(file: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...file.subarray(from, to));
}
