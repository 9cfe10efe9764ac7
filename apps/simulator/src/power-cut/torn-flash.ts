/**
 * A small NOR flash whose operations can be torn. What a torn operation leaves behind is uncertain until it is erased: it may
 * read as anything, differently each time, or not at all (docs/spec/flash.md, Torn operations). It counts breaches of
 * the flash rules. Whole images are copied by the thousand, so everything is flat and short.
 */
import type { FlashGeometry } from '../flash/flash-image.js';

/** How the uncertain part of a torn operation reads back. */
export const LOOKS = ['partial', 'garbage', 'stale', 'flicker', 'fading', 'late', 'error'] as const;
/**
 * partial: a prefix took effect and stays so. garbage: one random value, always. stale: no trace, until programmed again.
 * flicker: at each reading what was, what was meant, noise, or an error. fading: as meant during the next boot,
 * noise later. late: no trace during the next boot, as meant later. error: never readable.
 */
export type Look = (typeof LOOKS)[number];

/** What happens to one flash operation. `done` of its bytes took effect; the unit that the next one lies in is torn. */
export type Fate =
  | { readonly kind: 'torn'; readonly done: number; readonly look: Look }
  | { readonly kind: 'before' }
  | { readonly kind: 'after' };

export interface FlashOperation {
  readonly erase: boolean;
  readonly offset: number;
  /** What is programmed; null of an erase. */
  readonly data: Uint8Array | null;
}

interface Uncertain {
  readonly from: number;
  readonly to: number;
  readonly before: Uint8Array;
  readonly meant: Uint8Array;
  look: Look;
  boots: number;
}

const CLEAN = 0;
const PROGRAMMED = 1;
const UNCERTAIN = 2;

export class TornFlash {
  readonly bytes: Uint8Array;
  private readonly cells: Uint8Array;
  private uncertain: Uncertain[] = [];
  /** Certain units programmed twice, misaligned operations: always a fault of the firmware. */
  breaches = 0;
  /** Uncertain units programmed again: what the firmware cannot always know. */
  reprogrammed = 0;
  private noise = 1;

  constructor(
    readonly geometry: FlashGeometry,
    from?: TornFlash,
  ) {
    if (from === undefined) {
      this.bytes = new Uint8Array(geometry.bytes).fill(geometry.erased);
      this.cells = new Uint8Array(geometry.bytes);
      return;
    }
    this.bytes = from.bytes.slice();
    this.cells = from.cells.slice();
    this.uncertain = from.uncertain.map((part) => ({ ...part }));
    this.breaches = from.breaches;
    this.reprogrammed = from.reprogrammed;
    this.noise = from.noise;
  }

  /** An independent copy; `seed` starts its noise. */
  copy(seed: number): TornFlash {
    const copy = new TornFlash(this.geometry, this);
    copy.noise = seed | 1;
    return copy;
  }

  /** Power is back: uncertain bytes may look different from now on. */
  boot(): void {
    for (const part of this.uncertain) part.boots++;
  }

  read(offset: number, into: Uint8Array): number {
    if (offset + into.length > this.bytes.length) return -1;
    into.set(this.bytes.subarray(offset, offset + into.length));
    for (const part of this.uncertain) {
      if (part.from >= offset + into.length || part.to <= offset) continue;
      const shown = this.shown(part);
      if (shown === null) return -1;
      const from = Math.max(part.from, offset);
      const to = Math.min(part.to, offset + into.length);
      into.set(shown.subarray(from - part.from, to - part.from), from - offset);
    }
    return 0;
  }

  /** True when no byte of the range is uncertain. */
  isCertain(offset: number, n: number): boolean {
    return !this.uncertain.some((part) => part.from < offset + n && part.to > offset);
  }

  run({ erase, offset, data }: FlashOperation): number {
    return erase ? this.erase(offset) : this.program(offset, data!);
  }

  program(offset: number, data: Uint8Array): number {
    const { unitBytes } = this.geometry;
    if (
      offset % unitBytes !== 0 ||
      data.length % unitBytes !== 0 ||
      offset + data.length > this.bytes.length
    ) {
      this.breaches++;
      return -1;
    }
    if (this.isErased(offset, data.length)) {
      this.bytes.set(data, offset);
      this.cells.fill(PROGRAMMED, offset, offset + data.length);
      return 0;
    }
    for (let at = 0; at < data.length; at += unitBytes)
      this.programUnit(offset + at, data.subarray(at, at + unitBytes));
    return 0;
  }

  erase(offset: number): number {
    const { sectorBytes, erased } = this.geometry;
    if (offset % sectorBytes !== 0 || offset >= this.bytes.length) {
      this.breaches++;
      return -1;
    }
    this.bytes.fill(erased, offset, offset + sectorBytes);
    this.cells.fill(CLEAN, offset, offset + sectorBytes);
    if (this.uncertain.length > 0)
      this.uncertain = this.uncertain.filter(
        (part) => part.from < offset || part.from >= offset + sectorBytes,
      );
    return 0;
  }

  /** Power goes while this operation runs, or beside it. */
  cut(operation: FlashOperation, fate: Fate): void {
    if (fate.kind === 'before') return;
    if (fate.kind === 'after') {
      this.run(operation);
      return;
    }
    const { unitBytes, sectorBytes, erased } = this.geometry;
    const n = operation.erase ? sectorBytes : operation.data!.length;
    const { done } = fate;
    if (operation.erase) {
      const { offset } = operation;
      const before = this.bytes.slice(offset, offset + n);
      const meant = new Uint8Array(n).fill(erased);
      // All of a torn sector is uncertain; its first `done` bytes may already be erased.
      this.leave(offset, before, meant, done, fate.look);
      return;
    }
    const data = operation.data!;
    const unit = done - (done % unitBytes);
    for (let at = 0; at < unit; at += unitBytes)
      this.programUnit(operation.offset + at, data.subarray(at, at + unitBytes));
    const offset = operation.offset + unit;
    const before = this.bytes.slice(offset, offset + unitBytes);
    this.leave(offset, before, data.slice(unit, unit + unitBytes), done - unit, fate.look);
  }

  /** One bit of a byte at rest changes. */
  flip(offset: number, bit: number): void {
    this.bytes[offset]! ^= 1 << bit;
  }

  private isErased(offset: number, n: number): boolean {
    for (let i = offset; i < offset + n; i++) if (this.cells[i] !== CLEAN) return false;
    return true;
  }

  private programUnit(offset: number, data: Uint8Array): void {
    const { unitBytes } = this.geometry;
    const state = this.cells[offset]!;
    if (state === UNCERTAIN) {
      this.reprogrammed++;
      const before = this.bytes.slice(offset, offset + unitBytes);
      this.uncertain = this.uncertain.filter((part) => part.to <= offset || part.from >= offset + unitBytes);
      this.leave(offset, before, data.slice(), 0, 'flicker');
      return;
    }
    if (state === PROGRAMMED) this.breaches++;
    this.bytes.set(data, offset);
    this.cells.fill(PROGRAMMED, offset, offset + unitBytes);
  }

  private leave(offset: number, before: Uint8Array, meant: Uint8Array, done: number, look: Look): void {
    const n = before.length;
    const now = this.bytes.subarray(offset, offset + n);
    if (look === 'partial') now.set(meant.subarray(0, done));
    if (look === 'garbage') this.fillNoise(now);
    this.cells.fill(UNCERTAIN, offset, offset + n);
    this.uncertain.push({ from: offset, to: offset + n, before, meant, look, boots: 0 });
  }

  /** What an uncertain part reads as this time; null = a read error. */
  private shown(part: Uncertain): Uint8Array | null {
    switch (part.look) {
      case 'partial':
      case 'garbage':
        return this.bytes.subarray(part.from, part.to);
      case 'stale':
        return part.before;
      case 'late':
        return part.boots <= 1 ? part.before : part.meant;
      case 'fading':
        return part.boots <= 1 ? part.meant : this.fillNoise(new Uint8Array(part.meant.length));
      case 'error':
        return null;
      case 'flicker':
        switch (this.random() & 3) {
          case 0:
            return part.before;
          case 1:
            return part.meant;
          case 2:
            return this.fillNoise(new Uint8Array(part.meant.length));
          default:
            return null;
        }
    }
  }

  private fillNoise(into: Uint8Array): Uint8Array {
    for (let i = 0; i < into.length; i++) into[i] = this.random() >>> 24;
    return into;
  }

  /** xorshift32. */
  private random(): number {
    let x = this.noise;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.noise = x;
    return x >>> 0;
  }
}
