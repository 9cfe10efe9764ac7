// Which operators of a .tflite we import, family by family.
import type { Importers } from '../context.js';
import { ACTIVATION } from './activation.js';
import { ARITHMETIC } from './arithmetic.js';
import { CONVOLUTION } from './convolution.js';
import { MOVEMENT } from './movement.js';
import { REDUCTION } from './reduction.js';

export const IMPORTERS: Importers = {
  ...CONVOLUTION,
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MOVEMENT,
  ...REDUCTION,
};

/** Why an operator we do not import is often there, and what to do about it. */
export const HINTS: Readonly<Record<string, string>> = {
  DEQUANTIZE: 'convert with int8 output type, and the edge DEQUANTIZE disappears',
  SHAPE: 'the model has a dynamic batch: convert a concrete function with batch 1',
  UNIDIRECTIONAL_SEQUENCE_LSTM: 'recurrent layers are not supported yet: use convolutions over time',
  SVDF: 'streaming layers are not supported yet',
  VAR_HANDLE: 'streaming models are not supported yet: export the non-streaming model',
  CALL_ONCE: 'streaming models are not supported yet: export the non-streaming model',
};
