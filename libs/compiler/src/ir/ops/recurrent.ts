// Ops that remember: they name a variable as an operand and write it.
import { byteLength, elements, type Tensor } from '../graph.js';
import {
  checkQuantized,
  checkSameType,
  type Check,
  type NoAttrs,
  type OpSpecs,
  type OpView,
} from './spec.js';

export interface SvdfAttrs {
  readonly rank: number;
  /** Of the output. Integer kernels clamp to the output's range only, so there it says what the zero point does. */
  readonly activation: 'none' | 'relu';
}

export interface LstmAttrs {
  /** Of the cell gate and of the cell state; the other gates are sigmoids. */
  readonly activation: 'tanh';
  /** The cell state stays within +-this; 0 = anywhere. An exact float32. */
  readonly cellClip: number;
  /** Input and output are [steps, batches, n] instead of [batches, steps, n]. */
  readonly timeMajor: boolean;
}

export interface RecurrentOps {
  /**
   * input [batches, n], state [batches, filters * memory] (the newest value of a filter is the last of its row), feature
   * weights [filters, n], time weights [filters, memory], bias [filters / rank] or none.
   */
  svdf: SvdfAttrs;
  /**
   * input [batches, steps, n], 4 input weights [units, n], 4 recurrent weights [units, units], 4 biases [units], each in the
   * order input, forget, cell, output gate; hidden state and cell state [batches, units]. Output [batches, steps, units] is
   * the hidden state after every step. float32: all of it is; int8 or int16: the cell state is int16.
   */
  unidirectional_sequence_lstm: LstmAttrs;
  /** variable: its value now. */
  read_variable: NoAttrs;
  /** variable, value; no result. */
  assign_variable: NoAttrs;
  /**
   * new elements, variable of a multiple of them or more: all move to the front by as many, the new ones come last. No result; what reads the
   * variable afterwards sees the window.
   */
  shift_state: NoAttrs;
}

/** Operands of an LSTM by position. */
export const LSTM = {
  input: 0,
  inputWeights: 1,
  recurrentWeights: 5,
  biases: 9,
  hidden: 13,
  cell: 14,
  count: 15,
} as const;

export const RECURRENT_OPS: OpSpecs<RecurrentOps> = {
  svdf: {
    code: 27,
    minInputs: 4,
    maxInputs: 5,
    constantFrom: 1,
    writes: [1],
    check: checkSvdf,
    macs: ({ inputs }) => inputs[0]!.shape[0]! * (elements(inputs[2]!) + elements(inputs[3]!)),
  },
  unidirectional_sequence_lstm: {
    code: 44,
    minInputs: LSTM.count,
    maxInputs: LSTM.count,
    constantFrom: 1,
    writes: [LSTM.hidden, LSTM.cell],
    check: checkLstm,
    macs: ({ inputs, outputs }) => {
      const [n, units] = [inputs[0]!.shape[2]!, outputs[0]!.shape[2]!];
      return elements(outputs[0]!) * 4 * (n + units);
    },
  },
  read_variable: {
    code: 143,
    minInputs: 1,
    maxInputs: 1,
    constantFrom: 1,
    check: ({ inputs, outputs }, check) => {
      checkVariable(inputs[0]!, check);
      checkCopy(inputs[0]!, outputs[0], check);
    },
  },
  assign_variable: {
    code: 144,
    minInputs: 2,
    maxInputs: 2,
    constantFrom: 2,
    maxOutputs: 0,
    writes: [0],
    check: ({ inputs }, check) => {
      checkVariable(inputs[0]!, check);
      checkCopy(inputs[0]!, inputs[1], check);
    },
  },
  shift_state: {
    code: null,
    minInputs: 2,
    maxInputs: 2,
    constantFrom: 2,
    maxOutputs: 0,
    writes: [1],
    check: ({ inputs }, check) => {
      const [fresh, window] = [inputs[0]!, inputs[1]!];
      checkVariable(window, check);
      checkSameType([fresh, window], check);
      check(elements(fresh) <= elements(window), 'more arrives than is kept');
    },
  },
};

function checkVariable(tensor: Tensor, check: Check): void {
  check(tensor.variable !== undefined, `${tensor.name} is not a variable`);
}

function checkCopy(a: Tensor, b: Tensor | undefined, check: Check): void {
  check(b !== undefined && byteLength(a) === byteLength(b), 'sizes differ');
  if (b !== undefined) checkSameType([a, b], check);
}

function checkSvdf({ attrs, inputs, outputs }: OpView<SvdfAttrs>, check: Check): void {
  const [input, state, feature, time, bias] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor?];
  const output = outputs[0]!;
  checkVariable(state, check);
  checkSameType([input, output], check);
  checkSameType([time, state], check);
  check(
    [input, feature, time, output].every((t) => t.shape.length === 2),
    'ranks are not 2',
  );
  const [batches, n] = input.shape as [number, number];
  const [filters, memory] = time.shape as [number, number];
  const units = filters / attrs.rank;
  check(Number.isInteger(units) && units >= 1, 'rank does not divide the filters');
  check(feature.shape[0] === filters && feature.shape[1] === n, 'feature weights are not [filters, inputs]');
  check(elements(state) === batches * filters * memory, 'state is not batches x filters x memory');
  check(output.shape[0] === batches && output.shape[1] === units, 'output is not [batches, units]');
  check(bias === undefined || elements(bias) === units, 'bias is not one per unit');
  checkQuantized([input, feature, time, state, output], check);
}

function checkLstm({ attrs, inputs, outputs }: OpView<LstmAttrs>, check: Check): void {
  const output = outputs[0]!;
  const [input, hidden, cell] = [inputs[0]!, inputs[LSTM.hidden]!, inputs[LSTM.cell]!];
  checkVariable(hidden, check);
  checkVariable(cell, check);
  checkSameType([input, hidden, output], check);
  check(cell.dtype === (input.dtype === 'float32' ? 'float32' : 'int16'), 'cell state has another type');
  check(input.shape.length === 3 && output.shape.length === 3, 'ranks are not 3');
  const [first, second, n] = input.shape as [number, number, number];
  const units = output.shape[2]!;
  check(output.shape[0] === first && output.shape[1] === second, 'steps or batches change');
  const batches = attrs.timeMajor ? second : first;
  check(
    [hidden, cell].every((t) => elements(t) === batches * units),
    'states are not batches x units',
  );
  const gates = (from: number): readonly Tensor[] => inputs.slice(from, from + 4);
  const are = (list: readonly Tensor[], ...shape: number[]): boolean =>
    list.every((t) => t.shape.join() === shape.join());
  check(are(gates(LSTM.inputWeights), units, n), 'input weights are not [units, inputs]');
  check(are(gates(LSTM.recurrentWeights), units, units), 'recurrent weights are not [units, units]');
  check(
    gates(LSTM.biases).every((t) => elements(t) === units),
    'biases are not one per unit',
  );
  check(attrs.cellClip >= 0, 'the cell clip is negative');
  checkQuantized([input, ...inputs.slice(LSTM.inputWeights, LSTM.biases), hidden, cell, output], check);
}
