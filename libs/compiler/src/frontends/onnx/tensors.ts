// TensorProto as a constant: every place ONNX may keep the numbers in, every element type we can hold.
import { fault } from '../../ir/diagnostics.js';
import type { DType } from '../../ir/graph.js';
import { within, type ModelLimits } from '../limits.js';
import { float16 } from '../net/float16.js';
import { numbers, product, type NdArray, type Numbers } from '../net/nd-array.js';
import { DATA_TYPES, type TensorProto } from './schema.js';

/** Element type of the file -> the one we hold it in, bytes in raw_data, and how to read one there. */
const KINDS: Readonly<Record<string, Kind>> = {
  float32: { dtype: 'float32', bytes: 4, read: (v, at) => v.getFloat32(at, true), list: 'floatData' },
  float64: { dtype: 'float32', bytes: 8, read: (v, at) => v.getFloat64(at, true), list: 'doubleData' },
  float16: { dtype: 'float32', bytes: 2, read: (v, at) => float16(v.getUint16(at, true)), list: 'int32Data' },
  int8: { dtype: 'int8', bytes: 1, read: (v, at) => v.getInt8(at), list: 'int32Data' },
  uint8: { dtype: 'uint8', bytes: 1, read: (v, at) => v.getUint8(at), list: 'int32Data' },
  bool: { dtype: 'bool', bytes: 1, read: (v, at) => v.getUint8(at), list: 'int32Data' },
  int16: { dtype: 'int16', bytes: 2, read: (v, at) => v.getInt16(at, true), list: 'int32Data' },
  uint16: { dtype: 'int32', bytes: 2, read: (v, at) => v.getUint16(at, true), list: 'int32Data' },
  int32: { dtype: 'int32', bytes: 4, read: (v, at) => v.getInt32(at, true), list: 'int32Data' },
  uint32: { dtype: 'int64', bytes: 4, read: (v, at) => v.getUint32(at, true), list: 'uint64Data' },
  int64: { dtype: 'int64', bytes: 8, read: (v, at) => Number(v.getBigInt64(at, true)), list: 'int64Data' },
};

interface Kind {
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
  /** Where the numbers are when they are not in raw_data. */
  readonly list: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
}

/** IR element type of an ONNX one, or its name when there is none. */
export function elementType(dataType: number): { dtype: DType | null; name: string } {
  const name = DATA_TYPES[dataType] ?? `type ${dataType}`;
  return { dtype: KINDS[name]?.dtype ?? null, name };
}

/** Throws FleetError compiler.*. `name` for messages. */
export function readTensor(tensor: TensorProto, name: string, limits: ModelLimits): NdArray {
  const invalid = (reason: string): never => {
    throw fault('compiler.graph-invalid', { op: name, reason });
  };
  const { dims, rawData } = tensor;
  if (tensor.dataLocation !== 0 || tensor.externalData.length > 0)
    invalid('its data are in another file: save the model as one file');
  within(`dimensions in ${name}`, dims.length, limits.rank);
  if (dims.some((extent) => !(extent >= 0))) invalid(`shape [${dims.join(', ')}] is impossible`);
  const count = product(dims);
  within(`bytes in ${name}`, count * 4, limits.tensorBytes);
  const type = DATA_TYPES[tensor.dataType] ?? `type ${tensor.dataType}`;
  const kind = KINDS[type];
  if (kind === undefined) {
    const expected = Object.keys(KINDS).join(', ');
    throw fault('compiler.type-unsupported', { tensor: name, op: 'a constant', type, expected });
  }
  const values = numbers(kind.dtype, count);
  const listed = tensor[kind.list];
  if (rawData !== null && rawData.length > 0) {
    if (rawData.length !== count * kind.bytes)
      invalid(`it has ${rawData.length} bytes for [${dims.join(', ')}]`);
    readWords(values, [rawData], kind);
  } else if (kind.list === 'floatData' || kind.list === 'doubleData') {
    const chunks = listed as readonly Uint8Array[];
    const bytes = chunks.reduce((n, chunk) => n + chunk.length, 0);
    if (bytes !== count * kind.bytes || chunks.some((chunk) => chunk.length % kind.bytes !== 0))
      invalid(`it has ${bytes} bytes for [${dims.join(', ')}]`);
    readWords(values, chunks, kind);
  } else {
    const list = listed as readonly number[];
    if (list.length !== count) invalid(`it has ${list.length} values for [${dims.join(', ')}]`);
    list.forEach((value, i) => (values[i] = type === 'float16' ? float16(value & 0xffff) : value));
  }
  return { dtype: kind.dtype, shape: dims, values, quantization: null };
}

function readWords(values: Numbers, chunks: readonly Uint8Array[], kind: Kind): void {
  let i = 0;
  for (const chunk of chunks) {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < chunk.length; at += kind.bytes) values[i++] = kind.read(view, at);
  }
}
