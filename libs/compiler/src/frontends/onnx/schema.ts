// The part of onnx.proto that a compiler reads, as data: field number -> name and type. Field numbers are ONNX's
// (onnx.proto3, IR version 13). Fields that are not here are skipped.

/** words4, words8: packed fixed-width numbers, kept as views of the file (a list, for a field may be split). */
export type Scalar = 'int' | 'float' | 'string' | 'bytes' | 'words4' | 'words8';

export interface Field {
  readonly name: string;
  readonly type: Scalar | Message;
  /** `many`: a list, numbers packed or not. */
  readonly many?: true;
}

export interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<number, Field>>;
}

/** Numbers above 2^53 are rounded, which no check mistakes for an extent. */
export interface TensorProto {
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly floatData: readonly Uint8Array[];
  readonly int32Data: readonly number[];
  readonly int64Data: readonly number[];
  readonly doubleData: readonly Uint8Array[];
  readonly uint64Data: readonly number[];
  readonly stringData: readonly Uint8Array[];
  readonly name: string;
  readonly rawData: Uint8Array | null;
  readonly externalData: readonly unknown[];
  readonly dataLocation: number;
}

export interface AttributeProto {
  readonly name: string;
  readonly f: number;
  readonly i: number;
  readonly s: Uint8Array | null;
  readonly t: TensorProto | null;
  readonly g: unknown;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
  readonly type: number;
}

export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly attribute: readonly AttributeProto[];
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: {
        readonly dim: readonly { readonly dimValue: number; readonly dimParam: string }[];
      } | null;
    } | null;
  } | null;
}

export interface GraphProto {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly sparseInitializer: readonly unknown[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
}

export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly graph: GraphProto | null;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly functions: readonly unknown[];
}

function message(
  name: string,
  fields: Record<number, readonly [string, Scalar | Message, 'many'?]>,
): Message {
  const entries = Object.entries(fields).map(([number, [field, type, many]]): [string, Field] => [
    number,
    { name: field, type, ...(many === undefined ? {} : { many: true }) },
  ]);
  return { name, fields: Object.fromEntries(entries) };
}

/** Present is all we need to know. */
const ANYTHING = message('value', {});

const TENSOR = message('TensorProto', {
  1: ['dims', 'int', 'many'],
  2: ['dataType', 'int'],
  4: ['floatData', 'words4', 'many'],
  5: ['int32Data', 'int', 'many'],
  6: ['stringData', 'bytes', 'many'],
  7: ['int64Data', 'int', 'many'],
  8: ['name', 'string'],
  9: ['rawData', 'bytes'],
  10: ['doubleData', 'words8', 'many'],
  11: ['uint64Data', 'int', 'many'],
  13: ['externalData', ANYTHING, 'many'],
  14: ['dataLocation', 'int'],
});

const ATTRIBUTE = message('AttributeProto', {
  1: ['name', 'string'],
  2: ['f', 'float'],
  3: ['i', 'int'],
  4: ['s', 'bytes'],
  5: ['t', TENSOR],
  6: ['g', ANYTHING],
  7: ['floats', 'float', 'many'],
  8: ['ints', 'int', 'many'],
  9: ['strings', 'bytes', 'many'],
  20: ['type', 'int'],
});

const NODE = message('NodeProto', {
  1: ['input', 'string', 'many'],
  2: ['output', 'string', 'many'],
  3: ['name', 'string'],
  4: ['opType', 'string'],
  5: ['attribute', ATTRIBUTE, 'many'],
  7: ['domain', 'string'],
});

const DIMENSION = message('Dimension', { 1: ['dimValue', 'int'], 2: ['dimParam', 'string'] });
const SHAPE = message('TensorShapeProto', { 1: ['dim', DIMENSION, 'many'] });
const TENSOR_TYPE = message('Tensor', { 1: ['elemType', 'int'], 2: ['shape', SHAPE] });
const TYPE = message('TypeProto', { 1: ['tensorType', TENSOR_TYPE] });
const VALUE_INFO = message('ValueInfoProto', { 1: ['name', 'string'], 2: ['type', TYPE] });

const GRAPH = message('GraphProto', {
  1: ['node', NODE, 'many'],
  2: ['name', 'string'],
  5: ['initializer', TENSOR, 'many'],
  11: ['input', VALUE_INFO, 'many'],
  12: ['output', VALUE_INFO, 'many'],
  15: ['sparseInitializer', ANYTHING, 'many'],
});

const OPSET = message('OperatorSetIdProto', { 1: ['domain', 'string'], 2: ['version', 'int'] });

export const MODEL = message('ModelProto', {
  1: ['irVersion', 'int'],
  2: ['producerName', 'string'],
  7: ['graph', GRAPH],
  8: ['opsetImport', OPSET, 'many'],
  25: ['functions', ANYTHING, 'many'],
});

/** TensorProto.DataType */
export const DATA_TYPES: readonly string[] = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
];
