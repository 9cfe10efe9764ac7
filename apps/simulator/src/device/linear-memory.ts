// The firmware's one WebAssembly memory: a first-fit allocator over everything above __heap_base. Blocks never
// move. Views are made anew when the memory has grown; nobody keeps one across a call into the firmware.

const PAGE = 65_536;
/** 64-byte blocks: what device_bytes asks for, and enough for every alignment of the bundle format. */
const ALIGN = 64;

interface Hole {
  at: number;
  bytes: number;
}

export class LinearMemory {
  private holes: Hole[] = [];
  private end: number;
  private bytesView = new Uint8Array(0);
  private wordsView = new Uint32Array(0);

  constructor(
    readonly memory: WebAssembly.Memory,
    heapBase: number,
  ) {
    this.end = Math.ceil(heapBase / ALIGN) * ALIGN;
  }

  get u8(): Uint8Array {
    if (this.bytesView.buffer !== this.memory.buffer) this.bytesView = new Uint8Array(this.memory.buffer);
    return this.bytesView;
  }

  get u32(): Uint32Array {
    if (this.wordsView.buffer !== this.memory.buffer) this.wordsView = new Uint32Array(this.memory.buffer);
    return this.wordsView;
  }

  /** Reserves address space for a known number of bytes in one growth. @returns false when the limit is passed. */
  reserve(bytes: number): boolean {
    const missing = this.end + bytes - this.memory.buffer.byteLength;
    if (missing <= 0) return true;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
      return true;
    } catch {
      return false; // RangeError: the engine's or the module's maximum
    }
  }

  /** Bytes that are allocated now. */
  get usedBytes(): number {
    return this.end - this.holes.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A zeroed 64-byte aligned block, or 0 when memory is exhausted. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    const hole = this.holes.find((candidate) => candidate.bytes >= size);
    let at: number;
    if (hole !== undefined) {
      at = hole.at;
      hole.at += size;
      hole.bytes -= size;
      if (hole.bytes === 0) this.holes = this.holes.filter((candidate) => candidate !== hole);
    } else {
      if (!this.reserve(size)) return 0;
      at = this.end;
      this.end += size;
    }
    this.u8.fill(0, at, at + size);
    return at;
  }

  /** Gives a block back; `bytes` as it was allocated. Neighbouring holes merge. */
  free(at: number, bytes: number): void {
    this.holes.push({ at, bytes: Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN) });
    this.holes.sort((a, b) => a.at - b.at);
    const merged: Hole[] = [];
    for (const hole of this.holes) {
      const last = merged.at(-1);
      if (last !== undefined && last.at + last.bytes === hole.at) last.bytes += hole.bytes;
      else merged.push(hole);
    }
    this.holes = merged;
  }

  /** Allocates and fills. */
  place(bytes: Uint8Array): number {
    const at = this.allocate(bytes.length);
    if (at !== 0) this.u8.set(bytes, at);
    return at;
  }
}
