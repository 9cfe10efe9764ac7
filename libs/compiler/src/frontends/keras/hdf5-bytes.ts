// Checked little-endian reads of an HDF5 file. Every address is the file's own word, so none is trusted.
import { damaged } from '../limits.js';
import { within } from '../tflite/limits.js';

/** "No address" (all ones), as u64() gives it. */
export const UNDEFINED = 2 ** 64;

export class Bytes {
  readonly view: DataView;

  constructor(private readonly file: Uint8Array) {
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  /** Refuses what is not a range of the file. */
  check(from: number, to: number): void {
    if (!(from >= 0 && from <= to && to <= this.file.length)) {
      const offset = Math.min(Math.max(0, from), this.file.length);
      throw damaged('a reference leaves the file', offset);
    }
  }

  u8(at: number): number {
    this.check(at, at + 1);
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    this.check(at, at + 2);
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    this.check(at, at + 4);
    return this.view.getUint32(at, true);
  }

  /** Above 2^53 rounded, which no check mistakes for an offset into a file. */
  u64(at: number): number {
    this.check(at, at + 8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** `width` bytes, 1..8. */
  uint(at: number, width: number): number {
    this.check(at, at + width);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.view.getUint8(at + i);
    return value;
  }

  is(at: number, signature: string): boolean {
    this.check(at, at + signature.length);
    return String.fromCharCode(...this.file.subarray(at, at + signature.length)) === signature;
  }

  signature(at: number, signature: string): void {
    if (!this.is(at, signature)) throw damaged(`${signature} is expected`, at);
  }

  /** Up to a zero byte or `end`. */
  text(at: number, end: number, limit: number): string {
    this.check(at, end);
    const most = Math.min(end, at + limit + 1);
    const zero = this.file.subarray(at, most).indexOf(0);
    const length = zero < 0 ? most - at : zero;
    within('bytes in a name', length, limit);
    return new TextDecoder().decode(this.file.subarray(at, at + length));
  }

  /** `length` bytes without the zeros that fill them up. */
  fixedText(at: number, length: number): string {
    this.check(at, at + length);
    const bytes = this.file.subarray(at, at + length);
    const zero = bytes.indexOf(0);
    return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
  }
}
