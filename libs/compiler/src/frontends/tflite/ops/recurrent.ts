// Ops that remember: SVDF, UNIDIRECTIONAL_SEQUENCE_LSTM, variables. What TensorFlow Lite Micro has no kernel for is refused: peephole,
// projection and layer norm, per-channel weights.
import { byteLength, elements, type Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { LSTM } from '../../../ir/ops/recurrent.js';
import { ACTIVATIONS, OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { DATA, DATA16, ids, type Importers, type OpContext } from '../context.js';
import { symmetric } from './layer.js';

export const RECURRENT: Importers = {
  SVDF: importSvdf,
  UNIDIRECTIONAL_SEQUENCE_LSTM: importLstm,
  READ_VARIABLE: importRead,
  ASSIGN_VARIABLE: importAssign,
  // Both leave no op: ../variables.ts has read them.
  VAR_HANDLE: () => null,
  CALL_ONCE: () => null,
};

const VARIABLE = ['resource'];
const STORED = ['int8', 'int16', 'int32', 'float32'];
/** The kernels count in 16 bits. */
const LARGEST = 65_535;

function importRead(context: OpContext): Op | null {
  const [variable, value] = [context.input(0, VARIABLE), context.output(STORED)];
  if (variable === null || value === null || !holds(context, variable, value)) return null;
  const { name, sourceIndex } = context;
  return { kind: 'read_variable', name, sourceIndex, inputs: ids(variable), outputs: ids(value), attrs: {} };
}

function importAssign(context: OpContext): Op | null {
  const [variable, value] = [context.input(0, VARIABLE), context.input(1, STORED)];
  if (variable === null || value === null || !holds(context, variable, value)) return null;
  const { name, sourceIndex } = context;
  return { kind: 'assign_variable', name, sourceIndex, inputs: ids(variable, value), outputs: [], attrs: {} };
}

function holds(context: OpContext, variable: Tensor, value: Tensor): boolean {
  if (variable.dtype === value.dtype && byteLength(variable) === byteLength(value)) return true;
  context.invalid(
    `${variable.name} holds ${variable.dtype} [${variable.shape.join(', ')}], not ${value.dtype} [${value.shape.join(', ')}]`,
  );
  return false;
}

/** A tensor the file marks as variable. */
function state(context: OpContext, position: number, types: readonly string[]): Tensor | null {
  const found = context.input(position, types);
  if (found === null || found.variable !== undefined) return found;
  return context.invalid(`its state ${found.name} is not a variable`);
}

function importSvdf(context: OpContext): Op | null {
  const input = context.input(0, DATA);
  if (input === null) return null;
  const float = input.dtype === 'float32';
  const only = [input.dtype];
  const [feature, output] = [context.input(1, only), context.output(only)];
  const time = context.input(2, float ? only : ['int8', 'int16']);
  if (feature === null || output === null || time === null) return null;
  const bias = context.has(3) ? context.input(3, float ? only : ['int32']) : undefined;
  const memory = state(context, 4, [time.dtype]);
  if (bias === null || memory === null) return null;
  if (![input, feature, time, output].every((tensor) => context.rank(tensor, 2))) return null;
  if (!context.perTensor(input, feature, time, memory, output)) return null;
  if (!context.weights(feature, 0) || !context.weights(time, 0)) return null;
  const options = context.options(OPTIONS_TYPE.svdf, { rank: 0, activation: 0 });
  const activation = ACTIVATIONS[options.activation];
  // The reference's integer kernel clamps to the output's range only: RELU is what a zero point of -128 makes of it.
  const clamped = float || output.quantization!.zeroPoints[0] === -128;
  if (activation !== 'none' && !(activation === 'relu' && clamped))
    return context.option(`fused activation ${activation ?? options.activation}`);
  const { rank } = options;
  const [batches, n] = input.shape as [number, number];
  const [filters, steps] = time.shape as [number, number];
  if (rank < 1 || filters % rank !== 0)
    return context.invalid(`rank ${rank} does not divide ${filters} filters`);
  const shapes: [Tensor, readonly number[]][] = [
    [feature, [filters, n]],
    [output, [batches, filters / rank]],
  ];
  for (const [{ name, shape }, wanted] of shapes) {
    if (shape.join() !== wanted.join())
      return context.invalid(`${name} is [${shape.join(', ')}], not [${wanted.join(', ')}]`);
  }
  if (elements(memory) !== batches * filters * steps)
    return context.invalid(`its state has ${elements(memory)} elements, not ${batches * filters * steps}`);
  if (!context.bias(bias, filters / rank)) return null;
  if ([batches, n, filters, steps].some((extent) => extent > LARGEST))
    return context.invalid('an extent is out of range');
  const inputs = ids(input, memory, feature, time, ...(bias === undefined ? [] : [bias]));
  const { name, sourceIndex } = context;
  return { kind: 'svdf', name, sourceIndex, inputs, outputs: ids(output), attrs: { rank, activation } };
}

/** TFLite's positions of an LSTM's operands. */
const OPERANDS = {
  weights: 1,
  peephole: 9,
  bias: 12,
  projection: 16,
  hidden: 18,
  cell: 19,
  norm: 20,
  end: 24,
};

function importLstm(context: OpContext): Op | null {
  const input = context.input(0, DATA16);
  if (input === null) return null;
  const variant = unsupportedVariant(context);
  if (variant !== null) return context.option(variant);
  const float = input.dtype === 'float32';
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const weights = range(OPERANDS.weights, OPERANDS.peephole).map((at) =>
    context.input(at, [float ? 'float32' : 'int8']),
  );
  const biasType = float ? 'float32' : input.dtype === 'int16' ? 'int64' : 'int32';
  const biases = range(OPERANDS.bias, OPERANDS.projection).map((at) => context.input(at, [biasType]));
  const hidden = state(context, OPERANDS.hidden, [input.dtype]);
  const cell = state(context, OPERANDS.cell, [float ? 'float32' : 'int16']);
  const output = context.output([input.dtype]);
  if ([...weights, ...biases, hidden, cell, output].includes(null)) return null;
  const tensors = [input, ...weights, ...biases, hidden, cell] as Tensor[];
  const options = context.options(OPTIONS_TYPE.unidirectionalSequenceLstm, {
    activation: 0,
    cellClip: 0,
    timeMajor: false,
  });
  if (ACTIVATIONS[options.activation] !== 'tanh')
    return context.option(`fused activation ${ACTIVATIONS[options.activation] ?? options.activation}`);
  if (!(options.cellClip >= 0)) return context.option(`a cell clip of ${options.cellClip}`);
  if (!checkLstm(context, tensors, output!, options.timeMajor)) return null;
  const { name, sourceIndex } = context;
  const { cellClip, timeMajor } = options;
  const attrs = { activation: 'tanh', cellClip, timeMajor } as const;
  const kind = 'unidirectional_sequence_lstm';
  return { kind, name, sourceIndex, inputs: ids(...tensors), outputs: ids(output!), attrs };
}

function unsupportedVariant(context: OpContext): string | null {
  const any = (from: number, to: number): boolean => {
    for (let at = from; at < to; at++) if (context.has(at)) return true;
    return false;
  };
  if (!context.has(OPERANDS.weights)) return 'a coupled input and forget gate';
  if (any(OPERANDS.peephole, OPERANDS.bias)) return 'peephole connections';
  if (any(OPERANDS.projection, OPERANDS.hidden)) return 'a projection';
  if (any(OPERANDS.norm, OPERANDS.end)) return 'layer normalization';
  return null;
}

function checkLstm(
  context: OpContext,
  tensors: readonly Tensor[],
  output: Tensor,
  timeMajor: boolean,
): boolean {
  const [input, hidden, cell] = [tensors[LSTM.input]!, tensors[LSTM.hidden]!, tensors[LSTM.cell]!];
  if (!context.rank(input, 3) || !context.rank(output, 3)) return false;
  if (!symmetric(context, input, hidden, output) || !context.perTensor(cell)) return false;
  const weights = tensors.slice(LSTM.inputWeights, LSTM.biases);
  if (!weights.every((tensor) => context.weights(tensor, 0) && context.perTensor(tensor))) return false;
  const [first, second, n] = input.shape as [number, number, number];
  const units = output.shape[2]!;
  const batches = timeMajor ? second : first;
  const fault = (reason: string): false => {
    context.invalid(reason);
    return false;
  };
  if (output.shape[0] !== first || output.shape[1] !== second)
    return fault('its output has other steps or batches');
  if ([hidden, cell].some((tensor) => elements(tensor) !== batches * units))
    return fault(`its states do not have ${batches} x ${units} elements`);
  for (const [i, { name, shape }] of weights.entries()) {
    const wanted = [units, i < 4 ? n : units];
    if (shape.join() !== wanted.join())
      return fault(`${name} is [${shape.join(', ')}], not [${wanted.join(', ')}]`);
  }
  if ([first, second, n, units].some((extent) => extent > LARGEST)) return fault('an extent is out of range');
  return tensors.slice(LSTM.biases, LSTM.hidden).every((bias) => context.bias(bias, units));
}
