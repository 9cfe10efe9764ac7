/**
 * The parameter block that a device is flashed with (docs/spec/device.md): a head with a checksum around one CBOR map.
 * Its reader in C is firmware-stubs/ports/device.
 */
import { FleetError } from '@tinyfleet/errors';
import { crc32 } from './checksum.js';
import { decode } from './decode.js';
import { encode } from './encode.js';
import type { DeviceParameters } from './generated/messages.js';

const MAGIC = Buffer.from('TFDP');
const VERSION = 1;
const HEAD_BYTES = 16;
/** What the firmware takes, head included. */
export const PARAMETER_BLOCK_MAX_BYTES = 16_384;

/** @throws FleetError of area `wire` */
export function encodeParameterBlock(parameters: DeviceParameters): Uint8Array {
  const body = encode('deviceParameters', parameters);
  const bytes = HEAD_BYTES + body.length;
  if (bytes > PARAMETER_BLOCK_MAX_BYTES)
    throw new FleetError('wire.too-large', {
      message: 'deviceParameters',
      bytes,
      limit: PARAMETER_BLOCK_MAX_BYTES,
    });
  const block = Buffer.alloc(bytes);
  MAGIC.copy(block);
  block.writeUInt32LE(VERSION, 4);
  block.writeUInt32LE(body.length, 8);
  block.set(body, HEAD_BYTES);
  block.writeUInt32LE(checksum(block, body.length), 12);
  return block;
}

/**
 * Reads a block; what lies behind it is ignored, as the rest of a flash sector is.
 * @throws FleetError agent.parameters-missing, agent.parameters-invalid, or of area `wire`
 */
export function decodeParameterBlock(bytes: Uint8Array): DeviceParameters {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = block.subarray(0, HEAD_BYTES);
  if (head.length < HEAD_BYTES || (head.every((b) => b === head[0]) && (head[0] === 0 || head[0] === 255)))
    throw new FleetError('agent.parameters-missing');
  const length = block.readUInt32LE(8);
  if (
    !MAGIC.equals(block.subarray(0, 4)) ||
    block.readUInt32LE(4) !== VERSION ||
    length > Math.min(PARAMETER_BLOCK_MAX_BYTES, block.length) - HEAD_BYTES ||
    block.readUInt32LE(12) !== checksum(block, length)
  )
    throw new FleetError('agent.parameters-invalid');
  return decode('deviceParameters', block.subarray(HEAD_BYTES, HEAD_BYTES + length));
}

function checksum(block: Buffer, length: number): number {
  return crc32(Buffer.concat([block.subarray(0, 12), block.subarray(HEAD_BYTES, HEAD_BYTES + length)]));
}
