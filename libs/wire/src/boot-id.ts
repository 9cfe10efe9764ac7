/** Boot ids: 64 bits = persisted boot counter << 32 | 32 bits of entropy; hexadecimal in URLs and JSON. */

export function bootId(counter: number, entropy: number): bigint {
  return (BigInt(counter >>> 0) << 32n) | BigInt(entropy >>> 0);
}

export function bootCounter(id: bigint): number {
  return Number(id >> 32n);
}

/** 16 lower-case hexadecimal digits. */
export function bootIdToHex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

/** Undefined when the text is not 16 hexadecimal digits. */
export function bootIdFromHex(text: string): bigint | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

/** As a signed 64-bit integer, for a database column; order is not kept for counters above 2^31. */
export function bootIdToSigned(id: bigint): bigint {
  return BigInt.asIntN(64, id);
}

export function bootIdFromSigned(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
