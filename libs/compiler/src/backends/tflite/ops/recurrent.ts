// Options and operand order of ops that remember.
import { LSTM, type RecurrentOps } from '../../../ir/ops/recurrent.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { activation, type Writers } from './spec.js';

const ABSENT = (count: number): null[] => new Array<null>(count).fill(null);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

export const RECURRENT: Writers<RecurrentOps> = {
  svdf: ({ attrs, inputs }) => ({
    type: OPTIONS_TYPE.svdf,
    value: { rank: attrs.rank, activation: activation(attrs.activation) },
    operands: [0, 2, 3, inputs.length > 4 ? 4 : null, 1],
  }),
  // Peephole weights, projection and layer normalization are the absent ones.
  unidirectional_sequence_lstm: ({ attrs }) => ({
    type: OPTIONS_TYPE.unidirectionalSequenceLstm,
    value: { activation: activation(attrs.activation), cellClip: attrs.cellClip, timeMajor: attrs.timeMajor },
    operands: [
      ...range(LSTM.input, LSTM.biases),
      ...ABSENT(3),
      ...range(LSTM.biases, LSTM.hidden),
      ...ABSENT(2),
      LSTM.hidden,
      LSTM.cell,
      ...ABSENT(4),
    ],
  }),
};
