/** CRC-32 (ISO 3309, as in zlib) of chunks, and SHA-256 of payloads. */
import { createHash } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';

/** Unsigned 32 bits. `previous` continues a CRC over several parts. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return zlibCrc32(bytes, previous);
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** Transfer id or build prefix of a digest: its first 8 bytes. */
export function digestPrefix(digest: Uint8Array): Uint8Array {
  return digest.slice(0, 8);
}
