// Ops that remember, sample after sample: they read a variable and give it a new value.
import type * as Tf from '@tensorflow/tfjs-core';
import { LSTM, type LstmAttrs, type RecurrentOps, type SvdfAttrs } from '../../ir/ops/recurrent.js';
import { never, type FloatCall, type FloatSpecs } from './spec.js';

export const RECURRENT_FLOAT: FloatSpecs<RecurrentOps> = {
  svdf: { run: svdf, stacks: never },
  unidirectional_sequence_lstm: { run: lstm, stacks: never },
  read_variable: { run: ({ tf, values: [x] }) => tf.clone(x!), stacks: never },
  assign_variable: {
    run: ({ values: [, value], assign }) => {
      assign(0, value!);
      return [];
    },
    stacks: never,
  },
  shift_state: {
    run: ({ tf, values, assign }) => {
      const [fresh, window] = [tf.reshape(values[0]!, [-1]), tf.reshape(values[1]!, [-1])];
      const kept = tf.slice(window, [fresh.size], [window.size - fresh.size]);
      assign(1, tf.reshape(tf.concat([kept, fresh]), values[1]!.shape));
      return [];
    },
    stacks: never,
  },
};

/** Gates in the order input, forget, cell, output: c = f * c + i * tanh(g), h = o * tanh(c). */
function lstm({ tf, attrs, values, assign }: FloatCall<LstmAttrs>): Tf.Tensor {
  const { timeMajor, cellClip } = attrs;
  const input = timeMajor ? tf.transpose(values[LSTM.input]!, [1, 0, 2]) : values[LSTM.input]!;
  const [batch, steps, n] = input.shape as [number, number, number];
  const at = (position: number, gate: number): Tf.Tensor2D => values[position + gate]! as Tf.Tensor2D;
  let [h, c] = [values[LSTM.hidden]! as Tf.Tensor2D, values[LSTM.cell]! as Tf.Tensor2D];
  const results: Tf.Tensor[] = [];
  for (let step = 0; step < steps; step++) {
    const x = tf.reshape<Tf.Rank.R2>(tf.slice(input, [0, step, 0], [batch, 1, n]), [batch, n]);
    const [i, f, g, o] = [0, 1, 2, 3].map((gate) => {
      const products = tf.add(
        tf.matMul(x, at(LSTM.inputWeights, gate), false, true),
        tf.matMul(h, at(LSTM.recurrentWeights, gate), false, true),
      );
      const sum = tf.add(products, at(LSTM.biases, gate));
      return gate === 2 ? tf.tanh(sum) : tf.sigmoid(sum);
    }) as [Tf.Tensor2D, Tf.Tensor2D, Tf.Tensor2D, Tf.Tensor2D];
    const cell = tf.add<Tf.Tensor2D>(tf.mul(f, c), tf.mul(i, g));
    c = cellClip > 0 ? tf.clipByValue(cell, -cellClip, cellClip) : cell;
    h = tf.mul(o, tf.tanh(c));
    results.push(h);
  }
  assign(LSTM.hidden, h);
  assign(LSTM.cell, c);
  return tf.stack(results, timeMajor ? 0 : 1);
}

/** Each filter's newest value joins its row of the state; a unit sums its `rank` filters' products with their time weights. */
function svdf({ tf, attrs, values, assign }: FloatCall<SvdfAttrs>): Tf.Tensor {
  const [input, state, feature, time, bias] = values as [
    Tf.Tensor2D,
    Tf.Tensor2D,
    Tf.Tensor2D,
    Tf.Tensor2D,
    Tf.Tensor?,
  ];
  const batch = input.shape[0];
  const [filters, memory] = time.shape;
  const rows = tf.reshape(state, [batch, filters, memory]);
  const fresh = tf.reshape(tf.matMul(input, feature, false, true), [batch, filters, 1]);
  const shifted = tf.concat([tf.slice(rows, [0, 0, 1], [batch, filters, memory - 1]), fresh], 2);
  assign(1, tf.reshape(shifted, state.shape));
  const products = tf.sum(tf.mul(shifted, time), 2);
  const units = filters / attrs.rank;
  const summed = tf.sum(tf.reshape(products, [batch, units, attrs.rank]), 2);
  const biased = bias === undefined ? summed : tf.add(summed, tf.reshape(bias, [-1]));
  return attrs.activation === 'relu' ? tf.relu(biased) : biased;
}
