// LSTM: one direction, from a zero state, as TFLite's fused operator. Batches of one step through time in it.
import { floats } from '../../net/nd-array.js';
import { lstm, slice, type Gate } from '../../net/emit.js';
import type { OnnxContext } from '../context.js';
import { dequantized } from '../quantization.js';
import { activation } from '../values.js';

/** ONNX stores gates as input, output, forget, cell; the operator wants input, forget, cell, output. */
const GATES = [0, 2, 3, 1] as const;

export function importLstm(c: OnnxContext): void {
  if (c.text('direction', 'forward') !== 'forward') throw c.option('another direction than forward');
  const activations = c.texts('activations');
  if (activations.length > 0 && activations.join() !== 'Sigmoid,Tanh,Tanh')
    throw c.option(`activations ${activations.join(', ')}`);
  if (c.int('layout', 0) !== 0) throw c.option('layout 1');
  if (c.int('input_forget', 0) !== 0) throw c.option('input_forget');
  if (c.has(7)) throw c.option('peepholes');
  for (const position of [5, 6])
    if (c.has(position) && dequantized(c.constant(position)).values.some((v) => v !== 0))
      throw c.option('an initial state that is not zero');
  const x = c.canonical(0);
  const [steps, batch, n] = x.shape as [number, number, number];
  if (x.shape.length !== 3) throw c.invalid(`its operand is [${x.shape.join(', ')}]`);
  const [w, r] = [dequantized(c.constant(1)), dequantized(c.constant(2))];
  const units = c.int('hidden_size', r.shape[2] ?? 0);
  if (w.shape.join() !== `1,${4 * units},${n}` || r.shape.join() !== `1,${4 * units},${units}`)
    throw c.invalid(`weights [${w.shape.join(', ')}] and [${r.shape.join(', ')}] for ${units} units`);
  const b = c.has(3) ? dequantized(c.constant(3)) : floats([1, 8 * units], new Float32Array(8 * units));
  if (b.values.length !== 8 * units) throw c.invalid('its biases do not fit');
  const part = (values: ArrayLike<number>, from: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => values[from + i]!);
  const gates = GATES.map((gate): Gate => ({
    input: part(w.values, gate * units * n, units * n),
    recurrent: part(r.values, gate * units * units, units * units),
    // ONNX adds one bias to the input's product and one to the state's.
    bias: part(b.values, gate * units, units).map((value, i) => value + b.values[(4 + gate) * units + i]!),
  }));
  const { writer, name } = c;
  c.floatOnly();
  const y = lstm(writer, x.id, { gates, units, timeMajor: true, fresh: true, name });
  c.result(
    activation(writer.reshape(y, [steps, 1, batch, units], `${name}/directions`), [steps, 1, batch, units]),
  );
  if (c.outputs > 1) {
    const last = slice(writer, y, {
      begin: [steps - 1, 0, 0],
      size: [1, batch, units],
      name: `${name}/last`,
    });
    c.result(activation(last, [1, batch, units]), 1);
  }
}
