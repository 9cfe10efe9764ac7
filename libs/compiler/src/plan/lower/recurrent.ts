// Ops that remember as steps. An LSTM's weights are laid out by unit: the rows of its four gates lie together, so the
// kernel makes a unit's gates in one go.
import { byteLength, type Tensor } from '../../ir/graph.js';
import { sigmoidTable } from '../../ir/lookup-tables.js';
import { zeroPointOf } from '../../ir/multipliers.js';
import { gateMultiplier, lstmMultipliers, svdfMultipliers } from '../../ir/recurrent-multipliers.js';
import type { OpAttrs, OpView } from '../../ir/ops.js';
import { LSTM, type RecurrentOps } from '../../ir/ops/recurrent.js';
import { TENSOR_ALIGNMENT, type ConstantPool } from '../constants.js';
import type { Operand } from '../types.js';
import { ABSENT, offsetsOf, type Lowered, type Lowerings } from './spec.js';

export const RECURRENT: Lowerings<RecurrentOps> = {
  svdf: { op: 'SVDF', lower: svdf },
  unidirectional_sequence_lstm: {
    op: 'UNIDIRECTIONAL_SEQUENCE_LSTM',
    reads: [LSTM.input, LSTM.hidden, LSTM.cell],
    lower: lstm,
  },
  read_variable: {
    op: 'READ_VARIABLE',
    lower: ({ outputs }) => ({ params: { bytes: byteLength(outputs[0]!) } }),
  },
  assign_variable: {
    op: 'ASSIGN_VARIABLE',
    reads: [1],
    stores: [0],
    lower: ({ inputs }) => ({ params: { bytes: byteLength(inputs[0]!) } }),
  },
  shift_state: {
    op: 'SHIFT_STATE',
    reads: [0],
    stores: [1],
    lower: ({ inputs }) => ({
      params: { new_bytes: byteLength(inputs[0]!), state_bytes: byteLength(inputs[1]!) },
    }),
  },
};

function svdf({ attrs, inputs, outputs }: OpView<OpAttrs['svdf']>): Lowered {
  const [input, state, feature, time, bias] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor?];
  const output = outputs[0]!;
  const [filters, memory] = time.shape as [number, number];
  const m = svdfMultipliers({ input, feature, time, state, output });
  const params = {
    batches: input.shape[0]!,
    in_n: input.shape[1]!,
    filters,
    rank: attrs.rank,
    memory,
    ...offsetsOf(input, output),
    state_zero_point: zeroPointOf(state),
    feature_multiplier: m.feature.value,
    output_multiplier: m.output.value,
    feature_shift: m.feature.shift,
    output_shift: m.output.shift,
  };
  return { params, tables: bias === undefined ? [ABSENT] : [] };
}

function lstm(
  { attrs, inputs, outputs }: OpView<OpAttrs['unidirectional_sequence_lstm']>,
  pool: ConstantPool,
): Lowered {
  const [input, hidden, cell] = [inputs[LSTM.input]!, inputs[LSTM.hidden]!, inputs[LSTM.cell]!];
  const [first, second, in_n] = input.shape as [number, number, number];
  const units = outputs[0]!.shape[2]!;
  const gates = (from: number): readonly Tensor[] => inputs.slice(from, from + 4);
  const fromInput = gates(LSTM.inputWeights).map((weights) => gateMultiplier(input, weights));
  const fromHidden = gates(LSTM.recurrentWeights).map((weights) => gateMultiplier(hidden, weights));
  const m = lstmMultipliers(hidden, cell, attrs.cellClip);
  const zero = zeroPointOf(hidden);
  const params = {
    batches: attrs.timeMajor ? second : first,
    steps: attrs.timeMajor ? first : second,
    in_n,
    units,
    time_major: attrs.timeMajor ? 1 : 0,
    cell_scale_power: m.cellScalePower,
    cell_clip: m.cellClip,
    input_offset: -zeroPointOf(input),
    hidden_offset: -zero,
    output_offset: zero,
    input_multipliers: fromInput.map(({ value }) => value),
    recurrent_multipliers: fromHidden.map(({ value }) => value),
    input_shifts: fromInput.map(({ shift }) => shift),
    recurrent_shifts: fromHidden.map(({ shift }) => shift),
    forget_multiplier: m.forget.value,
    update_multiplier: m.update.value,
    output_multiplier: m.output.value,
    forget_shift: m.forget.shift,
    update_shift: m.update.shift,
    output_shift: m.output.shift,
  };
  const byUnit = [LSTM.inputWeights, LSTM.recurrentWeights, LSTM.biases].map((from) =>
    interleaved(gates(from), units, pool),
  );
  return { params, tables: [...byUnit, pool.int16s(sigmoidTable())] };
}

/** Row u of every tensor, one after the other, for u = 0, 1, ... */
function interleaved(tensors: readonly Tensor[], rows: number, pool: ConstantPool): Operand {
  const row = byteLength(tensors[0]!) / rows;
  const all = new Uint8Array(tensors.length * rows * row);
  tensors.forEach(({ data }, i) => {
    for (let u = 0; u < rows; u++)
      all.set(data!.subarray(u * row, (u + 1) * row), (u * tensors.length + i) * row);
  });
  return pool.add(all, tensors[0]!.dtype, TENSOR_ALIGNMENT);
}
