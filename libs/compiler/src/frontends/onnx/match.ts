// Is this file an ONNX model? ONNX has no signature: its top level must read as a ModelProto that holds a graph.
import { looksLikeModel } from './proto-reader.js';

export function match(file: Uint8Array): boolean {
  return file.length > 8 && looksLikeModel(file);
}
