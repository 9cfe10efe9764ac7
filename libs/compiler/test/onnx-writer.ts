// Writes ONNX files for tests, by the schema the frontend reads with.
import protobuf from 'protobufjs';
import { MODEL, type Field, type Message } from '../src/frontends/onnx/schema.js';

/** A message as plain data, by the schema's field names; what is left out is not written. */
export interface Data {
  readonly [field: string]: unknown;
}

const FLOAT = 1;
const INT8 = 3;
const INT32 = 6;
const INT64 = 7;

export function encodeModel(model: Data): Uint8Array {
  const writer = protobuf.Writer.create();
  write(writer, MODEL, model);
  return new Uint8Array(writer.finish());
}

function write(writer: protobuf.Writer, { fields }: Message, data: Data): void {
  for (const [number, field] of Object.entries(fields)) {
    const value = data[field.name];
    if (value === undefined) continue;
    const values = field.many === true ? (value as readonly unknown[]) : [value];
    for (const item of values) writeField(writer, Number(number), field, item);
  }
}

function writeField(writer: protobuf.Writer, number: number, { type }: Field, value: unknown): void {
  const tag = (wire: number): protobuf.Writer => writer.uint32((number << 3) | wire);
  if (type === 'int') tag(0).int64(value as number);
  else if (type === 'float') tag(5).float(value as number);
  else if (type === 'string') tag(2).string(value as string);
  else if (typeof type === 'string') tag(2).bytes(value as Uint8Array);
  else {
    tag(2).fork();
    write(writer, type, value as Data);
    writer.ldelim();
  }
}

export function floatTensor(name: string, dims: readonly number[], values: ArrayLike<number>): Data {
  return { name, dims, dataType: FLOAT, rawData: new Uint8Array(Float32Array.from(values).buffer) };
}

export function int8Tensor(name: string, dims: readonly number[], values: ArrayLike<number>): Data {
  return { name, dims, dataType: INT8, rawData: new Uint8Array(Int8Array.from(values).buffer) };
}

export function int32Tensor(name: string, dims: readonly number[], values: ArrayLike<number>): Data {
  return { name, dims, dataType: INT32, rawData: new Uint8Array(Int32Array.from(values).buffer) };
}

export function int64Tensor(name: string, values: readonly number[]): Data {
  return { name, dims: [values.length], dataType: INT64, int64Data: values };
}

/** Extents are numbers or the names of open ones. */
export function valueInfo(name: string, shape: readonly (number | string)[], elemType = FLOAT): Data {
  const dim = shape.map((extent) =>
    typeof extent === 'string' ? { dimParam: extent } : { dimValue: extent },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attribute: readonly Data[] = [],
): Data {
  return { opType, input, output, name: `${opType}_${output[0]!}`, attribute };
}

export interface ModelParts {
  readonly nodes: readonly Data[];
  readonly inputs: readonly Data[];
  readonly outputs: readonly string[];
  readonly constants?: readonly Data[];
  readonly opset?: number;
}

export function onnxModel({ nodes, inputs, outputs, constants = [], opset = 13 }: ModelParts): Uint8Array {
  return encodeModel({
    irVersion: 8,
    producerName: 'test',
    graph: {
      node: nodes,
      name: 'test',
      initializer: constants,
      input: inputs,
      output: outputs.map((name) => ({ name })),
    },
    opsetImport: [{ domain: '', version: opset }],
  });
}

/** A convolution, a clamp, a pool and a dense layer. */
export function smallNet(): Uint8Array {
  const weights = Array.from({ length: 54 }, (_, i) => Math.sin(i));
  return onnxModel({
    nodes: [
      node('Conv', ['x', 'w', 'b'], ['c'], [{ name: 'pads', ints: [1, 1, 1, 1] }]),
      node('Relu', ['c'], ['r']),
      node(
        'MaxPool',
        ['r'],
        ['p'],
        [
          { name: 'kernel_shape', ints: [2, 2] },
          { name: 'strides', ints: [2, 2] },
        ],
      ),
      node('Flatten', ['p'], ['f']),
      node('Gemm', ['f', 'd'], ['y']),
    ],
    inputs: [valueInfo('x', ['batch', 3, 4, 4])],
    outputs: ['y'],
    constants: [
      floatTensor('w', [2, 3, 3, 3], weights),
      floatTensor('b', [2], [0.5, -0.5]),
      floatTensor('d', [8, 3], weights.slice(0, 24)),
    ],
  });
}
