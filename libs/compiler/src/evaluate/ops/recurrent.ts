// Ops that remember. The formulas are TFLite's float kernels'; a variable's value before and after is the evaluation's.
import type * as Tf from '@tensorflow/tfjs-core';
import { LSTM, type LstmAttrs, type RecurrentOps, type SvdfAttrs } from '../../ir/ops/recurrent.js';
import { clamp, never, type FloatCall, type FloatSpecs } from './spec.js';

export const RECURRENT_FLOAT: FloatSpecs<RecurrentOps> = {
  svdf: { run: svdf, stacks: ({ inputs }) => inputs[1]!.shape[0] === 1 },
  unidirectional_sequence_lstm: { run: lstm, stacks: ({ attrs }) => !attrs.timeMajor },
  read_variable: {
    run: ({ tf, values: [variable] }) => tf.clone(variable!),
    stacks: ({ inputs }) => inputs[0]!.shape[0] === 1,
  },
  assign_variable: {
    run: ({ values, assign }) => {
      assign(0, values[1]!);
      return [];
    },
    stacks: ({ inputs }) => inputs[0]!.shape[0] === 1,
  },
  shift_state: {
    run: ({ tf, values: [fresh, window], assign }) => {
      const [arrived, kept] = [tf.reshape(fresh!, [-1]), tf.reshape(window!, [-1])];
      const size = kept.size - arrived.size;
      const moved = tf.concat([tf.slice(kept, [arrived.size], [size]), arrived]);
      assign(1, tf.reshape(moved, window!.shape));
      return [];
    },
    stacks: never,
  },
};

/** A filter's newest value enters at the end of its row; a unit sums its filters' rows, weighted by time. */
function svdf({ tf, attrs, inputs, values, assign }: FloatCall<SvdfAttrs>): Tf.Tensor {
  const [x, state, feature, time, bias] = values as [
    Tf.Tensor2D,
    Tf.Tensor,
    Tf.Tensor2D,
    Tf.Tensor2D,
    Tf.Tensor?,
  ];
  const [filters, memory] = inputs[3]!.shape as [number, number];
  const newest = tf.matMul(x, feature, false, true);
  const batches = newest.shape[0];
  const rows = tf.reshape(state, [batches, filters, memory]);
  const moved = tf.concat(
    [tf.slice(rows, [0, 0, 1], [batches, filters, memory - 1]), tf.reshape(newest, [batches, filters, 1])],
    2,
  );
  assign(1, tf.reshape(moved, state.shape));
  const weighted = tf.sum(tf.mul(moved, time), 2);
  const units = tf.sum(tf.reshape(weighted, [batches, filters / attrs.rank, attrs.rank]), 2);
  return clamp(tf, bias === undefined ? units : tf.add(units, tf.reshape(bias, [-1])), attrs.activation);
}

function lstm(call: FloatCall<LstmAttrs>): Tf.Tensor {
  const { tf, attrs, inputs, values, assign } = call;
  const units = inputs[LSTM.recurrentWeights]!.shape[0]!;
  const four = (key: string, from: number): Tf.Tensor2D =>
    call.prepared(key, () => tf.concat(values.slice(from, from + 4), 0)) as Tf.Tensor2D;
  const weights = four('input weights', LSTM.inputWeights);
  const recurrent = four('recurrent weights', LSTM.recurrentWeights);
  const biases = call.prepared('biases', () =>
    tf.concat(values.slice(LSTM.biases, LSTM.biases + 4).map((b) => tf.reshape(b, [-1]))),
  );
  const x = attrs.timeMajor ? values[0]! : tf.transpose(values[0]!, [1, 0, 2]);
  const [steps, batches, n] = x.shape as [number, number, number];
  const fed = tf.reshape(
    tf.add(tf.matMul(tf.reshape(x, [steps * batches, n]), weights, false, true), biases),
    [steps, batches, 4 * units],
  );
  let hidden = tf.reshape<Tf.Rank.R2>(values[LSTM.hidden]!, [batches, units]);
  let cell = tf.reshape<Tf.Rank.R2>(values[LSTM.cell]!, [batches, units]);
  const cells: Tf.Tensor[] = [];
  const outputs = tf.unstack(fed, 0).map((given) => {
    const gates = tf.add(given, tf.matMul(hidden, recurrent, false, true));
    const [input, forget, candidate, output] = tf.split<Tf.Tensor2D>(gates, 4, 1);
    const moved = tf.add<Tf.Tensor2D>(
      tf.mul(tf.sigmoid(forget!), cell),
      tf.mul(tf.sigmoid(input!), tf.tanh(candidate!)),
    );
    cell = attrs.cellClip > 0 ? tf.clipByValue(moved, -attrs.cellClip, attrs.cellClip) : moved;
    cells.push(cell);
    hidden = tf.mul(tf.sigmoid(output!), tf.tanh(cell));
    return hidden;
  });
  assign(LSTM.hidden, tf.reshape(hidden, values[LSTM.hidden]!.shape));
  assign(LSTM.cell, tf.reshape(cell, values[LSTM.cell]!.shape), tf.stack(cells));
  return tf.stack(outputs, attrs.timeMajor ? 0 : 1);
}
