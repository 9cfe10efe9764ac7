// Which operators of a .tflite we import, family by family.
import type { Importers } from '../context.js';
import { ACTIVATION } from './activation.js';
import { ARITHMETIC } from './arithmetic.js';
import { CONVOLUTION } from './convolution.js';
import { MOVEMENT } from './movement.js';
import { REDUCTION } from './reduction.js';
import { RECURRENT } from './recurrent.js';

export const IMPORTERS: Importers = {
  ...CONVOLUTION,
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MOVEMENT,
  ...REDUCTION,
  ...RECURRENT,
};

/** Why an operator we do not import is often there, and what to do about it. */
export const HINTS: Readonly<Record<string, string>> = {
  DEQUANTIZE: 'convert with int8 output type, and the edge DEQUANTIZE disappears',
  SHAPE: 'the model has a dynamic batch: convert a concrete function with batch 1',
  BIDIRECTIONAL_SEQUENCE_LSTM:
    'a device hears the end of a sequence last: use an LSTM in one direction, or convolutions over time',
  LSTM: 'convert with TensorFlow 2: its converter makes UNIDIRECTIONAL_SEQUENCE_LSTM of a Keras LSTM',
  UNIDIRECTIONAL_SEQUENCE_RNN: 'use an LSTM, or convolutions over time',
  WHILE:
    'a loop over time steps: convert with a static batch of 1, so that the layer becomes one LSTM operator',
};
