/**
 * Numbers of a watch as bytes, for the store: the length of a JSON header (uint32, little-endian), the header with names, types and
 * lengths of the arrays, then their elements in that order, each array from a multiple of 8 bytes on. Little-endian throughout;
 * NaN and Infinity survive, which they do not in JSON.
 */
import { FleetError } from '@tinyfleet/errors';

export type SavedArray = Float64Array | Int32Array | Uint8Array;
export interface SavedState {
  /** JSON-safe. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, SavedArray>>;
}

/** Raised when the meaning of what is saved changes; older states are refused and learned anew. */
export const STATE_VERSION = 1;

const kinds = { f64: Float64Array, i32: Int32Array, u8: Uint8Array } as const;
type Kind = keyof typeof kinds;
interface Header {
  readonly version: number;
  readonly facts: SavedState['facts'];
  readonly arrays: readonly { readonly name: string; readonly kind: Kind; readonly length: number }[];
}

const align = (at: number): number => Math.ceil(at / 8) * 8;
const kindOf = (array: SavedArray): Kind =>
  array instanceof Float64Array ? 'f64' : array instanceof Int32Array ? 'i32' : 'u8';

export function packState({ facts, arrays }: SavedState): Uint8Array {
  const entries = Object.entries(arrays);
  const header = new TextEncoder().encode(
    JSON.stringify({
      version: STATE_VERSION,
      facts,
      arrays: entries.map(([name, array]) => ({ name, kind: kindOf(array), length: array.length })),
    } satisfies Header),
  );
  let size = align(4 + header.length);
  for (const [, array] of entries) size = align(size + array.byteLength);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  let at = align(4 + header.length);
  for (const [, array] of entries) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at = align(at + array.byteLength);
  }
  return bytes;
}

/** @throws quality.state-unusable when it is of another version or cut short */
export function unpackState(given: Uint8Array): SavedState {
  // A copy: elements of 8 bytes have to begin at multiples of 8. `slice` of a Buffer copies nothing.
  const bytes = new Uint8Array(given);
  const refuse = (reason: string): never => {
    throw new FleetError('quality.state-unusable', { reason });
  };
  const length = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : Infinity;
  if (4 + length > bytes.length) refuse('it is cut short');
  const { version, facts, arrays } = readHeader(bytes.subarray(4, 4 + length)) ?? refuse('it is no state');
  if (version !== STATE_VERSION) refuse(`it has version ${version}, not ${STATE_VERSION}`);
  const found: Record<string, SavedArray> = {};
  let at = align(4 + length);
  for (const one of arrays) {
    const size = one.length * kinds[one.kind].BYTES_PER_ELEMENT;
    if (at + size > bytes.length) refuse('it is cut short');
    found[one.name] = new kinds[one.kind](bytes.buffer, at, one.length);
    at = align(at + size);
  }
  return { facts, arrays: found };
}

function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Header;
  } catch {
    return undefined;
  }
}
