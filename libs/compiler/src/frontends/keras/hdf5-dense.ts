// Dense storage of HDF5 (groups and objects with more than 8 links or attributes and kept order): a fractal heap of
// messages (III.G) and a version 2 B-tree that lists them (III.A.2). Managed objects without filters only.
import { damaged, type Budget } from '../limits.js';
import { UNDEFINED, type Bytes } from './hdf5-bytes.js';

export type DenseKind = 'links' | 'attributes';

/** Type of the B-tree of names, and where its records hold the heap id. */
const RECORDS: Readonly<Record<DenseKind, { type: number; idAt: number; idBytes: number }>> = {
  links: { type: 5, idAt: 4, idBytes: 7 },
  attributes: { type: 8, idAt: 0, idBytes: 8 },
};

export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** Places of all objects of a heap that a B-tree of names lists. */
export function* denseObjects(
  bytes: Bytes,
  budget: Budget,
  o: { readonly heap: number; readonly tree: number; readonly kind: DenseKind },
): Generator<Extent> {
  const heap = new FractalHeap(bytes, budget, o.heap);
  const { type, idAt, idBytes } = RECORDS[o.kind];
  for (const record of records(bytes, budget, o.tree, type)) yield heap.object(record + idAt, idBytes);
}

/** Addresses of the records of a B-tree, nodes first come first; order does not matter to us. */
function* records(bytes: Bytes, budget: Budget, tree: number, type: number): Generator<number> {
  bytes.signature(tree, 'BTHD');
  if (bytes.u8(tree + 5) !== type) throw damaged('an index has another kind', tree);
  const [nodeBytes, recordBytes, depth] = [bytes.u32(tree + 6), bytes.u16(tree + 10), bytes.u16(tree + 12)];
  if (recordBytes === 0 || depth > 8) throw damaged('an index has impossible sizes', tree);
  const widths = pointerWidths(nodeBytes, recordBytes, depth);
  const seen = new Set<number>();
  const queue: { at: number; count: number; level: number }[] = [
    { at: bytes.u64(tree + 16), count: bytes.u16(tree + 24), level: depth },
  ];
  while (queue.length > 0) {
    const { at, count, level } = queue.pop()!;
    if (count === 0 && level === 0) continue;
    if (seen.has(at)) throw damaged('an index lists a node twice', at);
    seen.add(at);
    budget.structure(1 + count);
    bytes.signature(at, level === 0 ? 'BTLF' : 'BTIN');
    for (let i = 0; i < count; i++) yield at + 6 + i * recordBytes;
    if (level === 0) continue;
    const { records: countBytes, total } = widths[level]!;
    let pointer = at + 6 + count * recordBytes;
    for (let i = 0; i <= count; i++) {
      queue.push({ at: bytes.u64(pointer), count: bytes.uint(pointer + 8, countBytes), level: level - 1 });
      pointer += 8 + countBytes + total;
    }
  }
}

/** Bytes of the record counts in child pointers, by level: as many as the largest count needs. */
function pointerWidths(
  nodeBytes: number,
  recordBytes: number,
  depth: number,
): { records: number; total: number }[] {
  const widths = [{ records: 0, total: 0 }];
  const leaf = Math.floor((nodeBytes - 10) / recordBytes);
  let mostTotal = leaf;
  for (let level = 1; level <= depth; level++) {
    const width = { records: bytesFor(leaf), total: level === 1 ? 0 : bytesFor(mostTotal) };
    widths.push(width);
    const pointer = 8 + width.records + width.total;
    const most = Math.floor((nodeBytes - 10 - pointer) / (recordBytes + pointer));
    mostTotal = (most + 1) * mostTotal + most;
  }
  return widths;
}

/** Bytes to hold 0..n, at most 8. */
function bytesFor(n: number): number {
  return Math.min(8, Math.max(1, Math.ceil(Math.log2(Math.max(1, n) + 1) / 8)));
}

class FractalHeap {
  private readonly offsetBytes: number;
  private readonly lengthBytes: number;
  private readonly width: number;
  private readonly startBytes: number;
  private readonly largestDirect: number;
  private readonly root: number;
  private readonly rows: number;

  constructor(
    private readonly bytes: Bytes,
    private readonly budget: Budget,
    at: number,
  ) {
    budget.structure();
    bytes.signature(at, 'FRHP');
    if (bytes.u16(at + 7) !== 0) throw damaged('a heap is compressed', at);
    this.width = bytes.u16(at + 110);
    this.startBytes = bytes.u64(at + 112);
    this.largestDirect = bytes.u64(at + 120);
    this.offsetBytes = Math.ceil(bytes.u16(at + 128) / 8);
    this.lengthBytes = bytesFor(Math.min(this.largestDirect, bytes.u32(at + 10)));
    this.root = bytes.u64(at + 132);
    this.rows = bytes.u16(at + 140);
    if (this.width === 0 || this.startBytes === 0 || this.offsetBytes < 1 || this.offsetBytes > 8)
      throw damaged('a heap has impossible sizes', at);
  }

  /** Place of the object with the id at `id`. */
  object(id: number, idBytes: number): Extent {
    const { bytes } = this;
    if (bytes.u8(id) >> 4 !== 0) throw damaged('a heap object lies outside the heap', id);
    if (1 + this.offsetBytes + this.lengthBytes > idBytes) throw damaged('a heap id is too short', id);
    const offset = bytes.uint(id + 1, this.offsetBytes);
    const length = bytes.uint(id + 1 + this.offsetBytes, this.lengthBytes);
    const from = this.rows === 0 ? this.root + offset : this.inside(this.root, offset);
    bytes.check(from, from + length);
    return { from, to: from + length };
  }

  /** Address of a heap offset below an indirect block: a table of `width` blocks a row, doubling from row 2 on. */
  private inside(block: number, offset: number): number {
    const { bytes, budget, width } = this;
    for (let at = block, left = offset; ;) {
      budget.structure();
      bytes.signature(at, 'FHIB');
      let [row, rowBytes, start] = [0, this.startBytes, 0];
      while (left >= start + rowBytes * width) {
        start += rowBytes * width;
        if (row++ > 0) rowBytes *= 2;
        if (row > 64) throw damaged('a heap offset is out of range', at);
      }
      const column = Math.floor((left - start) / rowBytes);
      const child = bytes.u64(at + 13 + this.offsetBytes + 8 * (row * width + column));
      if (child === UNDEFINED) throw damaged('a heap block is missing', at);
      left -= start + column * rowBytes;
      if (rowBytes <= this.largestDirect) return child + left;
      at = child;
    }
  }
}
