// Transfer payloads through the device's own decoder (firmware-stubs/agent/src/payload.c). There is no other one: what this
// accepts, devices accept. docs/spec/transfer.md has the format, libs/wire writes it.
import { FleetError } from '@tinyfleet/errors';
import { wasmModule } from '@tinyfleet/firmware';
import { check, instantiate } from './exports.js';

export interface PayloadExports {
  payload_context_bytes(): number;
  payload_open(
    context: number,
    base: number,
    baseBytes: number,
    result: number,
    resultBytes: number,
    sectorBytes: number,
  ): void;
  payload_feed(context: number, data: number, bytes: number): number;
  payload_made(context: number): number;
}

export interface PayloadOptions {
  /** What the device holds in the slot that the transfer names; none for a compressed bundle. */
  readonly base?: Uint8Array;
  /** `result-bytes` of the transfer. */
  readonly resultBytes: number;
  /** Flash sector of the device. Default 4,096. */
  readonly sectorBytes?: number;
  /** Fed in pieces of so many bytes, as chunks are. Default 1,024. */
  readonly pieceBytes?: number;
  /** Firmware to use instead of the committed one. */
  readonly module?: WebAssembly.Module;
}

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/**
 * The bytes that a device would store. Throws the registered error that it would report: wire.payload-invalid,
 * wire.payload-crc; and wire.payload-invalid for a payload that ends too early.
 */
export async function applyPayload(payload: Uint8Array, options: PayloadOptions): Promise<Uint8Array> {
  const { base = new Uint8Array(), resultBytes, sectorBytes = 4_096, pieceBytes = 1_024 } = options;
  const method = base.length === 0 ? 'compressed' : 'delta';
  const room = aligned(base.length) + aligned(resultBytes) + aligned(pieceBytes);
  // The context's size is known to the module only.
  const { exports, base: context } = instantiate(options.module ?? (await wasmModule()), room + 16_384);
  const contextBytes = aligned(exports.payload_context_bytes());
  const [baseAt, resultAt] = [context + contextBytes, context + contextBytes + aligned(base.length)];
  const pieceAt = resultAt + aligned(resultBytes);
  const memory = new Uint8Array(exports.memory.buffer);
  memory.set(base, baseAt);
  exports.payload_open(context, baseAt, base.length, resultAt, resultBytes, sectorBytes);
  for (let at = 0; at < payload.length; at += pieceBytes) {
    const piece = payload.subarray(at, at + pieceBytes);
    memory.set(piece, pieceAt);
    check(exports.payload_feed(context, pieceAt, piece.length), { method, reason: `byte ${at} or behind` });
  }
  const made = exports.payload_made(context);
  if (made !== resultBytes)
    throw new FleetError('wire.payload-invalid', {
      method,
      reason: `it ends after ${made} bytes of ${resultBytes}`,
    });
  return memory.slice(resultAt, resultAt + resultBytes);
}
