// What a file is that no frontend wants, in a reader's words.

export function describeFile(file: Uint8Array): string {
  if (file.length === 0) return 'it is empty';
  if (file.length < 8) return `it has only ${file.length} bytes`;
  const start = String.fromCharCode(...file.subarray(0, 8));
  if (start.startsWith('PK')) return 'it is a ZIP archive without a Keras or TensorFlow.js model in it';
  if (start.startsWith('\x1f\x8b')) return 'it is gzip-compressed; unpack it first';
  if (start.trimStart().startsWith('{')) return 'it is JSON, but no model.json of TensorFlow.js';
  if (start.startsWith('\x93NUMPY')) return 'it is a NumPy array';
  if (start.startsWith('TLFB')) return 'it is a bundle that TinyFleet built; give the model it was made from';
  if (start.startsWith('\x80\x02') || start.startsWith('\x80\x04'))
    return 'it is a Python pickle (PyTorch?): export ONNX';
  return 'it is neither TensorFlow Lite, ONNX, Keras nor TensorFlow.js';
}
