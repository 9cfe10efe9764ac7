// LSTM, as TFLite's fused operator. Without `stateful` every inference starts from zeros.
import type { TensorId } from '../../../ir/graph.js';
import { lstm, slice, type Gate } from '../../net/emit.js';
import type { NdArray } from '../../net/nd-array.js';
import type { LayerContext } from '../context.js';

export function importLstm(c: LayerContext): TensorId {
  c.rank(3);
  const { writer, name } = c;
  const units = c.count('units');
  const [batch, steps, n] = c.shape as [number, number, number];
  if (c.text('activation', 'tanh') !== 'tanh')
    throw c.option(`activation ${c.text('activation')}`, 'use tanh');
  const gating = c.text('recurrent_activation', c.kerasMajor >= 3 ? 'sigmoid' : 'hard_sigmoid');
  if (gating !== 'sigmoid') throw c.option(`recurrent_activation ${gating}`, 'use sigmoid');
  const backwards = c.flag('go_backwards', false);
  if (c.flag('time_major', false) || c.flag('return_state', false))
    throw c.option(c.flag('return_state', false) ? 'return_state' : 'time_major');
  // Columns of the kernels are the four gates, in the operator's own order.
  const kernel = c.weight('kernel', 0, [n, 4 * units]);
  const recurrent = c.weight('recurrent_kernel', 1, [units, 4 * units]);
  const bias = c.flag('use_bias', true)
    ? c.weight('bias', 2, [4 * units]).values
    : new Float32Array(4 * units);
  const gates = Array.from({ length: 4 }, (_, gate): Gate => ({
    input: columns(kernel, gate * units, units),
    recurrent: columns(recurrent, gate * units, units),
    bias: Float32Array.from({ length: units }, (_, i) => bias[gate * units + i]!),
  }));
  const x = backwards
    ? slice(writer, c.input, {
        begin: [0, steps - 1, 0],
        size: [batch, steps, n],
        strides: [1, -1, 1],
        name: `${name}/backwards`,
      })
    : c.input;
  const fresh = !c.flag('stateful', false);
  const y = lstm(writer, x, { gates, units, timeMajor: false, fresh, name });
  if (c.flag('return_sequences', false)) return y;
  const last = slice(writer, y, { begin: [0, steps - 1, 0], size: [batch, 1, units], name: `${name}/last` });
  return writer.reshape(last, [batch, units], `${name}/state`);
}

/** Columns from `from` on, as rows. */
function columns({ shape, values }: NdArray, from: number, count: number): Float32Array {
  const [rows, width] = shape as [number, number];
  return Float32Array.from(
    { length: count * rows },
    (_, i) => values[(i % rows) * width + from + Math.floor(i / rows)]!,
  );
}
