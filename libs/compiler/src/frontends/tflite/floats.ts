// Float models keep weights in fewer bits: float16 or int8 constants, read through a DEQUANTIZE or, in dynamic-range
// files, directly by ops with float activations. The IR's float graphs have float32 constants only, so both are undone
// here: what is left is either all integer or all float.
import { float16 } from '../net/float16.js';
import { DTYPE_BYTES, type Quantization } from '../../ir/graph.js';
import { BUILTIN_OPERATORS, TENSOR_TYPES, type Decoded, type SUBGRAPH } from '../../ir/tflite-schema.js';

type Subgraph = Decoded<typeof SUBGRAPH>;

const DEQUANTIZE = BUILTIN_OPERATORS.indexOf('DEQUANTIZE');

export interface Floats {
  /** Constants that become float32 where they are read. */
  readonly widened: ReadonlySet<number>;
  /** Result of a DEQUANTIZE of a constant -> that constant, itself among `widened`. */
  readonly aliases: ReadonlyMap<number, number>;
  /** Those DEQUANTIZEs, by position: no ops of the graph. */
  readonly outside: ReadonlySet<number>;
}

/** `codeOf` gives an operator's builtin code, `isConstant` a tensor's; indices of the file are not trusted. */
export function findFloats(
  subgraph: Subgraph,
  codeOf: (operator: number) => number,
  isConstant: (tensor: number) => boolean,
): Floats {
  const [widened, aliases, outside] = [new Set<number>(), new Map<number, number>(), new Set<number>()];
  const typeOf = (id: number): string | undefined => TENSOR_TYPES[subgraph.tensors?.[id]?.type ?? -1];
  const isFloat = (id: number): boolean => typeOf(id) === 'float32';
  (subgraph.operators ?? []).forEach((operator, i) => {
    const [from, to] = [operator.inputs?.[0], operator.outputs?.[0]];
    if (from === undefined || to === undefined) return;
    if (codeOf(i) === DEQUANTIZE && isFloat(to) && isConstant(from) && canWiden(typeOf(from))) {
      widened.add(from);
      aliases.set(to, from);
      outside.add(i);
    } else if (isFloat(to)) {
      for (const id of operator.inputs ?? []) {
        const scaled = (subgraph.tensors?.[id]?.quantization?.scale?.length ?? 0) > 0;
        if (isConstant(id) && scaled && canWiden(typeOf(id))) widened.add(id);
      }
    }
  });
  return { widened, aliases, outside };
}

/** Bytes of one element of the file's types that can become float32. */
export const WIDENED_BYTES: Readonly<Record<string, number>> = {
  float16: 2,
  float32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
};

function canWiden(type: string | undefined): boolean {
  return type !== undefined && type in WIDENED_BYTES;
}

export interface Narrow {
  readonly type: string;
  readonly shape: readonly number[];
  readonly quantization: Quantization | null;
  readonly data: Uint8Array;
}

/** float32 bytes of a constant of `WIDENED_BYTES`; integers without a scale are themselves. */
export function widen({ type, shape, quantization, data }: Narrow): Uint8Array {
  if (type === 'float32') return data;
  const count = data.length / WIDENED_BYTES[type]!;
  const from = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const bytes = new Uint8Array(count * DTYPE_BYTES.float32);
  const to = new DataView(bytes.buffer);
  const axis = quantization?.axis ?? null;
  const inner = axis === null ? count : shape.slice(axis + 1).reduce((n, extent) => n * extent, 1);
  const slices = quantization?.scales.length ?? 1;
  for (let i = 0; i < count; i++) {
    let value: number;
    if (type === 'float16') value = float16(from.getUint16(i * 2, true));
    else {
      const q =
        type === 'int8' ? from.getInt8(i) : type === 'uint8' ? from.getUint8(i) : from.getInt16(i * 2, true);
      const slice = axis === null ? 0 : Math.floor(i / inner) % slices;
      value = quantization === null ? q : (q - quantization.zeroPoints[slice]!) * quantization.scales[slice]!;
    }
    to.setFloat32(i * 4, value, true);
  }
  return bytes;
}
