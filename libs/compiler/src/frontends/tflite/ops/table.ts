// Which operators of a .tflite we import, family by family.
import type { Importers } from '../context.js';
import { ACTIVATION } from './activation.js';
import { ARITHMETIC } from './arithmetic.js';
import { CONVOLUTION } from './convolution.js';
import { MOVEMENT } from './movement.js';

export const IMPORTERS: Importers = {
  ...CONVOLUTION,
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MOVEMENT,
};

/** Why an operator we do not import is often there, and what to do about it. */
export const HINTS: Readonly<Record<string, string>> = {
  DEQUANTIZE: 'convert with int8 output type, and the edge DEQUANTIZE disappears',
  MEAN: 'use AveragePooling2D over the whole map instead of GlobalAveragePooling2D',
  PAD: 'use padding="same" in the convolution instead of ZeroPadding2D',
  SQUEEZE: 'use Reshape or Flatten',
  EXPAND_DIMS: 'use Reshape',
  SHAPE: 'the model has a dynamic batch: convert a concrete function with batch 1',
  STRIDED_SLICE: 'often from a dynamic batch: convert a concrete function with batch 1',
  UNIDIRECTIONAL_SEQUENCE_LSTM: 'recurrent layers are not supported yet: use convolutions over time',
  SVDF: 'streaming layers are not supported yet',
  VAR_HANDLE: 'streaming models are not supported yet: export the non-streaming model',
  CALL_ONCE: 'streaming models are not supported yet: export the non-streaming model',
};
