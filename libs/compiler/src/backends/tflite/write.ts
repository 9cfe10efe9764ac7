// The .tflite backend: an int8 IR graph as a TensorFlow Lite model file. Thin: no optimization, every tensor and op is
// written as it stands, so reading the file back gives the same graph.
import { DTYPE_BYTES, tensorOf, type Graph, type Tensor, type TensorId } from '../../ir/graph.js';
import { viewOf } from '../../ir/cost.js';
import { OPS, type Op } from '../../ir/ops.js';
import {
  FILE_IDENTIFIER,
  MODEL,
  PLACEHOLDER_OPERATOR,
  SCHEMA_VERSION,
  TENSOR_TYPES,
} from '../../ir/tflite-schema.js';
import { writeFlatbuffer, type TableValue } from './flatbuffer-writer.js';
import type { ConstantOperand } from './ops/spec.js';
import { writerOf } from './ops/table.js';
import { handleTensor, handleWriter, isMarked } from './variables.js';

/**
 * Operator versions, by builtin code: TensorFlow Lite's runtimes refuse a version they do not have, and these are the first
 * ones with int8 (CONV_2D 3 and DEPTHWISE_CONV_2D 3 per channel, FULLY_CONNECTED 12 per channel).
 */
const OPERATOR_VERSIONS: Readonly<Record<number, number>> = {
  0: 2,
  1: 2,
  2: 2,
  3: 3,
  4: 3,
  9: 12,
  17: 2,
  19: 2,
  20: 1,
  21: 2,
  22: 1,
  23: 3,
  25: 2,
  26: 2,
  27: 3,
  36: 5,
  37: 2,
  38: 2,
  39: 2,
  40: 2,
  45: 2,
  56: 2,
  60: 2,
  67: 3,
  74: 2,
  79: 2,
  82: 2,
  83: 2,
  88: 2,
  89: 2,
  97: 3,
  100: 2,
  102: 2,
  126: 2,
  130: 3,
};

/** The same for int16 activations. */
const WIDE_VERSIONS: Readonly<Record<number, number>> = {
  1: 3,
  2: 3,
  3: 4,
  4: 5,
  9: 12,
  17: 3,
  25: 3,
  39: 4,
  40: 3,
  45: 4,
  60: 3,
  67: 3,
  83: 3,
  97: 4,
  126: 3,
};

/** An operand that is left out. */
const ABSENT = -1;

/** Throws RangeError for what TFLite cannot say: padding that is neither SAME nor VALID, an op of the IR's own. */
export function writeTflite(given: Graph, description = 'TinyFleet'): Uint8Array {
  const graph = withUint8(given);
  const used = usedTensors(graph);
  const position = new Map(used.map((tensor, i) => [tensor.id, i]));
  const at = (id: TensorId): number => position.get(id)!;
  const extra: Tensor[] = [];
  const wide = used.some((tensor) => tensor.dtype === 'int16');
  const variables = handleWriter(graph);
  const codes = [...new Set([...graph.ops.map(builtinCode), ...variables.codes])];
  const codeIndex = (builtin: number): number => codes.indexOf(builtin);

  const operators = graph.ops.map((op) => {
    const shape = (): number =>
      used.length + extra.push(shapeOperand(op, tensorOf(graph, op.outputs[0]!))) - 1;
    let inputs = op.inputs.map(at);
    if (op.kind === 'transpose_conv') inputs = [shape(), inputs[1]!, inputs[0]!, ...inputs.slice(2)];
    const written = writerOf(op)?.(viewOf(graph, op), op.name);
    const own = inputs;
    if (written?.operands !== undefined)
      inputs = written.operands.map((position) => (position === null ? ABSENT : own[position]!));
    for (const constant of written?.constants ?? [])
      inputs.push(used.length + extra.push(constantOperand(op, constant)) - 1);
    return {
      opcodeIndex: codeIndex(builtinCode(op)),
      inputs,
      outputs: op.outputs.map(at),
      options: written === undefined ? undefined : { type: written.type, value: written.value },
    };
  });

  const tensors = [...used, ...extra];
  // Buffer 0 is TFLite's "no data".
  const buffers: TableValue[] = [{}];
  const buffer = (data: Uint8Array): number => buffers.push({ data }) - 1;
  const tensorTables = tensors.map((tensor) => {
    if (variables.handles.has(tensor.id)) return handleTensor(tensor.name);
    return {
      shape: tensor.shape,
      type: TENSOR_TYPES.indexOf(tensor.dtype),
      buffer: tensor.data === null ? 0 : buffer(tensor.data),
      name: tensor.name,
      isVariable: isMarked(tensor),
      ...quantized(tensor),
    };
  });

  return writeFlatbuffer(MODEL, FILE_IDENTIFIER, {
    version: SCHEMA_VERSION,
    operatorCodes: codes.map((code) => ({
      deprecatedBuiltinCode: Math.min(code, PLACEHOLDER_OPERATOR),
      builtinCode: code,
      version: (wide ? WIDE_VERSIONS[code] : undefined) ?? OPERATOR_VERSIONS[code] ?? 1,
    })),
    subgraphs: [
      {
        tensors: tensorTables,
        inputs: graph.inputs.map(at),
        outputs: graph.outputs.map(at),
        operators: [...variables.operators(at, codeIndex), ...operators],
        name: graph.name,
      },
      ...variables.subgraphs(buffer, codeIndex),
    ],
    description,
    buffers,
  });
}

/** A graph that came from a uint8 model goes back to one: int8 layers of TFLite have no zero point of weights. */
function withUint8(graph: Graph): Graph {
  if (!graph.ops.some(({ attrs }) => 'legacy' in attrs && attrs.legacy === true)) return graph;
  const tensors = [...graph.tensors].map(([id, tensor]): [TensorId, Tensor] => {
    const q = tensor.quantization;
    if (tensor.dtype !== 'int8' || q === null) return [id, tensor];
    const quantization = { ...q, zeroPoints: q.zeroPoints.map((z) => z + 128) };
    const data = tensor.data?.map((byte) => byte ^ 0x80) ?? null;
    return [id, { ...tensor, dtype: 'uint8', quantization, data }];
  });
  return { ...graph, tensors: new Map(tensors) };
}

function usedTensors(graph: Graph): Tensor[] {
  const ids = new Set([...graph.inputs, ...graph.ops.flatMap((op) => [...op.inputs, ...op.outputs])]);
  return [...graph.tensors.values()].filter((tensor) => ids.has(tensor.id));
}

function builtinCode(op: Op): number {
  if (op.kind === 'relu') return { relu: 19, relu_n1_to_1: 20, relu6: 21 }[op.attrs.activation];
  const { code } = OPS[op.kind];
  if (code === null) throw new RangeError(`${op.name}: ${op.kind} has no TFLite operator`);
  return code;
}

function shapeOperand(op: Op, output: Tensor): Tensor {
  return constantOperand(op, { name: 'shape', values: output.shape });
}

function constantOperand(op: Op, { name, values, shape = [values.length], like }: ConstantOperand): Tensor {
  const dtype = like?.dtype ?? 'int32';
  const data = new Uint8Array(values.length * DTYPE_BYTES[dtype]);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => {
    if (dtype === 'float32') view.setFloat32(i * 4, value, true);
    else if (dtype === 'int64') view.setBigInt64(i * 8, BigInt(value), true);
    else if (dtype === 'int32') view.setInt32(i * 4, value, true);
    else if (dtype === 'int16') view.setInt16(i * 2, value, true);
    else view.setUint8(i, value);
  });
  return { id: -1, name: `${op.name}/${name}`, dtype, shape, quantization: like?.quantization ?? null, data };
}

function quantized({ quantization: q }: Tensor): { quantization?: TableValue } {
  if (q === null) return {};
  return { quantization: { scale: q.scales, zeroPoint: q.zeroPoints, quantizedDimension: q.axis ?? 0 } };
}
