// HDF5 as Keras writes it: groups, attributes and contiguous datasets of numbers. Written here because readers at hand
// follow a file's references without bounds: continuation blocks, trees and heaps may overlap, share or contain each
// other. Every structure read is charged to a budget, every reference checked, data are views of the file.
// Format: The HDF Group, "HDF5 File Format Specification Version 3.0"; section numbers below are its.
import { float16 } from '../net/float16.js';
import { Budget, damaged, type ModelLimits } from '../limits.js';
import { within } from '../tflite/limits.js';
import { Bytes, UNDEFINED } from './hdf5-bytes.js';
import { denseObjects, type DenseKind } from './hdf5-dense.js';

const SIGNATURE = '\x89HDF\r\n\x1a\n';

/** Message types of object headers (IV.A.2). */
const DATASPACE = 1;
const LINK_INFO = 2;
const DATATYPE = 3;
const LINK = 6;
const LAYOUT = 8;
const FILTERS = 11;
const ATTRIBUTE = 12;
const CONTINUATION = 16;
const SYMBOL_TABLE = 17;
const ATTRIBUTE_INFO = 21;

export function isHdf5(file: Uint8Array): boolean {
  return file.length >= 48 && String.fromCharCode(...file.subarray(0, 8)) === SIGNATURE;
}

interface Message {
  readonly type: number;
  readonly at: number;
  readonly end: number;
}

interface DataType {
  /** float, int, uint: numbers of `size` bytes; string: fixed length; text: variable length, in a global heap. */
  readonly kind: 'float' | 'int' | 'uint' | 'string' | 'text' | 'other';
  readonly size: number;
  readonly bigEndian: boolean;
}

export interface Dataset {
  readonly shape: readonly number[];
  /** As float32, whatever float or integer type the file has. */
  readonly values: Float32Array;
}

export class Hdf5File {
  private readonly bytes: Bytes;
  private readonly budget: Budget;
  private readonly root: number;
  private readonly objects = new Map<number, readonly Message[]>();
  private readonly groups = new Map<number, ReadonlyMap<string, number>>();

  constructor(
    file: Uint8Array,
    private readonly limits: ModelLimits,
  ) {
    within('bytes', file.length, limits.fileBytes);
    this.bytes = new Bytes(file);
    this.budget = new Budget(limits);
    if (!isHdf5(file)) throw damaged('it has no HDF5 signature', 0);
    this.root = this.superblock();
  }

  /** Names in a group, or null when `path` is no group. */
  links(path: string): string[] | null {
    const at = this.find(path);
    return at === null || this.message(at, DATASPACE) !== null ? null : [...this.linksAt(at).keys()];
  }

  /** Text of an attribute, a list for a one-dimensional one; null when it is not there or not text. */
  text(path: string, attribute: string): string | string[] | null {
    const at = this.find(path);
    if (at === null) return null;
    for (const message of this.attributeMessages(at)) {
      const found = this.readAttribute(message, attribute);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Numbers of a dataset; null when `path` is not there or a group. */
  dataset(path: string): Dataset | null {
    const at = this.find(path);
    if (at === null) return null;
    const space = this.message(at, DATASPACE);
    if (space === null) return null;
    const type = this.message(at, DATATYPE);
    const layout = this.message(at, LAYOUT);
    if (type === null || layout === null) throw damaged(`dataset ${path} has no type or no place`, at);
    if (this.message(at, FILTERS) !== null)
      throw damaged(`dataset ${path} is compressed: save the model without compression`, at);
    const shape = this.shape(space.at);
    within(`dimensions in ${path}`, shape.length, this.limits.rank);
    const count = shape.reduce((n, extent) => n * extent, 1);
    within(`bytes in ${path}`, count * 4, this.limits.tensorBytes);
    const dataType = this.dataType(type.at);
    const from = this.dataPlace(layout, path, count * dataType.size);
    return { shape, values: this.floats(from, count, dataType, path) };
  }

  private superblock(): number {
    const { bytes } = this;
    const version = bytes.u8(8);
    if (version > 3) throw damaged(`superblock version ${version} is unknown`, 8);
    const sizes = version < 2 ? 13 : 9;
    if (bytes.u8(sizes) !== 8 || bytes.u8(sizes + 1) !== 8)
      throw damaged('its offsets do not have 8 bytes', sizes);
    const base = version < 2 ? (version === 0 ? 24 : 28) : 12;
    if (bytes.u64(base) !== 0) throw damaged('it begins with a user block', base);
    return version < 2 ? bytes.u64(base + 40) : bytes.u64(36);
  }

  /** Address of the object at a path from the root; null when a part is missing. */
  private find(path: string): number | null {
    let at = this.root;
    for (const part of path.split('/').filter((name) => name !== '')) {
      const next = this.linksAt(at).get(part);
      if (next === undefined) return null;
      at = next;
    }
    return at;
  }

  private message(object: number, type: number): Message | null {
    return this.messages(object).find((message) => message.type === type) ?? null;
  }

  /** Messages of an object header with its continuations (IV.A.1). */
  private messages(object: number): readonly Message[] {
    const known = this.objects.get(object);
    if (known !== undefined) return known;
    const { bytes, budget } = this;
    const modern = bytes.is(object, 'OHDR');
    if (bytes.u8(modern ? object + 4 : object) !== (modern ? 2 : 1))
      throw damaged('an object header has an unknown version', object);
    const flags = modern ? bytes.u8(object + 5) : 0;
    const blocks: [number, number][] = [];
    if (modern) {
      const sizeAt = object + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
      const width = 1 << (flags & 3);
      blocks.push([sizeAt + width, sizeAt + width + bytes.uint(sizeAt, width)]);
    } else {
      blocks.push([object + 16, object + 16 + bytes.u32(object + 8)]);
    }
    const head = modern ? (flags & 4 ? 6 : 4) : 8;
    const messages: Message[] = [];
    for (let b = 0; b < blocks.length; b++) {
      let [at] = blocks[b]!;
      const [, blockEnd] = blocks[b]!;
      bytes.check(at, blockEnd);
      while (at + head <= blockEnd) {
        budget.structure();
        const type = modern ? bytes.u8(at) : bytes.u16(at);
        const size = bytes.u16(modern ? at + 1 : at + 2);
        const shared = (bytes.u8(modern ? at + 3 : at + 4) & 2) !== 0;
        const data = at + head;
        bytes.check(data, Math.min(data + size, blockEnd));
        if (type === CONTINUATION && data + 16 <= blockEnd) {
          const [from, length] = [bytes.u64(data), bytes.u64(data + 8)];
          // The version 2 block has a signature before and a checksum behind its messages.
          if (modern) blocks.push([from + 4, from + length - 4]);
          else blocks.push([from, from + length]);
        } else if (shared && type !== 0) {
          throw damaged('an object shares a message, which is not supported', at);
        } else if (type !== 0) {
          messages.push({ type, at: data, end: Math.min(data + size, blockEnd) });
        }
        at = data + size;
      }
    }
    this.objects.set(object, messages);
    return messages;
  }

  private linksAt(object: number): ReadonlyMap<string, number> {
    const known = this.groups.get(object);
    if (known !== undefined) return known;
    const links = new Map<string, number>();
    const table = this.message(object, SYMBOL_TABLE);
    if (table !== null) this.symbolTable(this.bytes.u64(table.at), this.bytes.u64(table.at + 8), links);
    for (const message of this.messages(object)) if (message.type === LINK) this.link(message, links);
    const info = this.message(object, LINK_INFO);
    if (info !== null) {
      const skip = this.bytes.u8(info.at + 1) & 1 ? 8 : 0;
      for (const message of this.dense(info.at + 2 + skip, 'links')) this.link(message, links);
    }
    this.groups.set(object, links);
    return links;
  }

  /** Old groups: a B-tree of nodes of names in a local heap (III.A.1, III.B, III.D). */
  private symbolTable(tree: number, heap: number, links: Map<string, number>): void {
    const { bytes, budget } = this;
    bytes.signature(heap, 'HEAP');
    const [size, names] = [bytes.u64(heap + 8), bytes.u64(heap + 24)];
    bytes.check(names, names + size);
    const seen = new Set<number>();
    const queue: [number, number | null][] = [[tree, null]];
    while (queue.length > 0) {
      const [node, level] = queue.pop()!;
      if (seen.has(node)) throw damaged('a group lists a node twice', node);
      seen.add(node);
      budget.structure();
      bytes.signature(node, 'TREE');
      const own = bytes.u8(node + 5);
      if (bytes.u8(node + 4) !== 0 || (level !== null && own !== level))
        throw damaged('a group node has another kind or level', node);
      const used = bytes.u16(node + 6);
      budget.structure(used);
      for (let i = 0; i < used; i++) {
        const child = bytes.u64(node + 32 + 16 * i);
        if (own > 0) queue.push([child, own - 1]);
        else this.symbolNode(child, { names, end: names + size }, links);
      }
    }
  }

  private symbolNode(node: number, heap: { names: number; end: number }, links: Map<string, number>): void {
    const { bytes, budget } = this;
    bytes.signature(node, 'SNOD');
    const count = bytes.u16(node + 6);
    budget.structure(count);
    for (let i = 0; i < count; i++) {
      const entry = node + 8 + 40 * i;
      const name = bytes.text(heap.names + bytes.u64(entry), heap.end, this.limits.nameBytes);
      // 2 is a soft link: a name, no object.
      if (bytes.u32(entry + 16) !== 2) links.set(name, bytes.u64(entry + 8));
    }
  }

  /** A link message (IV.A.2.g); only hard links name objects. */
  private link(message: Message, links: Map<string, number>): void {
    const { bytes } = this;
    const flags = bytes.u8(message.at + 1);
    let at = message.at + 2;
    const hard = flags & 8 ? bytes.u8(at++) === 0 : true;
    at += (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0);
    const width = 1 << (flags & 3);
    const length = bytes.uint(at, width);
    within('bytes in a name', length, this.limits.nameBytes);
    const name = bytes.fixedText(at + width, length);
    if (hard) links.set(name, bytes.u64(at + width + length));
  }

  private *attributeMessages(object: number): Generator<Message> {
    for (const message of this.messages(object)) if (message.type === ATTRIBUTE) yield message;
    const info = this.message(object, ATTRIBUTE_INFO);
    if (info === null) return;
    const skip = this.bytes.u8(info.at + 1) & 1 ? 2 : 0;
    yield* this.dense(info.at + 2 + skip, 'attributes');
  }

  /** Messages in a fractal heap, listed by the B-tree of their names. */
  private *dense(at: number, kind: DenseKind): Generator<Message> {
    const [heap, tree] = [this.bytes.u64(at), this.bytes.u64(at + 8)];
    if (heap === UNDEFINED || tree === UNDEFINED) return;
    for (const { from, to } of denseObjects(this.bytes, this.budget, { heap, tree, kind }))
      yield { type: kind === 'links' ? LINK : ATTRIBUTE, at: from, end: to };
  }

  /** undefined: another attribute; null: no text. */
  private readAttribute(message: Message, wanted: string): string | string[] | null | undefined {
    const { bytes, budget } = this;
    budget.structure();
    const version = bytes.u8(message.at);
    if (version < 1 || version > 3) throw damaged('an attribute has an unknown version', message.at);
    const nameBytes = bytes.u16(message.at + 2);
    const padded = (n: number): number => (version === 1 ? Math.ceil(n / 8) * 8 : n);
    const nameAt = message.at + (version === 3 ? 9 : 8);
    if (bytes.text(nameAt, nameAt + nameBytes, this.limits.nameBytes) !== wanted) return undefined;
    if (version > 1 && bytes.u8(message.at + 1) !== 0)
      throw damaged('an attribute shares its type, which is not supported', message.at);
    const typeAt = nameAt + padded(nameBytes);
    const spaceAt = typeAt + padded(bytes.u16(message.at + 4));
    const dataAt = spaceAt + padded(bytes.u16(message.at + 6));
    const type = this.dataType(typeAt);
    const shape = this.shape(spaceAt);
    if (shape.length > 1 || (type.kind !== 'string' && type.kind !== 'text')) return null;
    const count = shape[0] ?? 1;
    budget.list(count);
    bytes.check(dataAt, dataAt + count * type.size);
    const items: string[] = [];
    let total = 0;
    for (let i = 0; i < count; i++) {
      const at = dataAt + i * type.size;
      const text = type.kind === 'string' ? bytes.fixedText(at, type.size) : this.heapText(at);
      total += text.length;
      within(`bytes in attribute ${wanted}`, total, this.limits.jsonBytes);
      items.push(text);
    }
    return shape.length === 0 ? items[0]! : items;
  }

  /** A variable-length string: length, collection, index of an object in that global heap (III.E). */
  private heapText(at: number): string {
    const { bytes, budget } = this;
    const [length, collection, wanted] = [bytes.u32(at), bytes.u64(at + 4), bytes.u32(at + 12)];
    if (length === 0) return '';
    bytes.signature(collection, 'GCOL');
    const end = collection + bytes.u64(collection + 8);
    bytes.check(collection, end);
    for (let object = collection + 16; object + 16 <= end;) {
      budget.structure();
      const [index, size] = [bytes.u16(object), bytes.u64(object + 8)];
      if (index === wanted && size >= length && object + 16 + length <= end) {
        within('bytes of text', length, this.limits.jsonBytes);
        return bytes.fixedText(object + 16, length);
      }
      if (index === 0) break;
      object += 16 + Math.ceil(size / 8) * 8;
    }
    throw damaged('a text is not where it should be', at);
  }

  /** IV.A.2.b */
  private shape(at: number): number[] {
    const { bytes } = this;
    const [version, rank] = [bytes.u8(at), bytes.u8(at + 1)];
    if (version !== 1 && version !== 2) throw damaged('a data space has an unknown version', at);
    this.budget.list(rank);
    const from = at + (version === 1 ? 8 : 4);
    return Array.from({ length: rank }, (_, i) => bytes.u64(from + 8 * i));
  }

  /** IV.A.2.d: class and version, 24 class bits, size. */
  private dataType(at: number): DataType {
    const { bytes } = this;
    const [kind, bits, size] = [bytes.u8(at) & 15, bytes.u8(at + 1), bytes.u32(at + 4)];
    const bigEndian = (bits & 1) !== 0;
    if (kind === 0) return { kind: bits & 8 ? 'int' : 'uint', size, bigEndian };
    if (kind === 1) return { kind: 'float', size, bigEndian };
    if (kind === 3) return { kind: 'string', size, bigEndian: false };
    if (kind === 9 && (bits & 15) === 1) return { kind: 'text', size: 16, bigEndian: false };
    return { kind: 'other', size, bigEndian: false };
  }

  /** Where a dataset's bytes begin (IV.A.2.i). */
  private dataPlace(layout: Message, path: string, byteCount: number): number {
    const { bytes } = this;
    const version = bytes.u8(layout.at);
    if (version < 1 || version > 4) throw damaged(`dataset ${path} has an unknown layout`, layout.at);
    const kind = bytes.u8(layout.at + (version < 3 ? 2 : 1));
    if (kind === 2)
      throw damaged(`dataset ${path} is chunked: save the model without compression`, layout.at);
    if (kind > 2) throw damaged(`dataset ${path} has an unknown layout`, layout.at);
    const rank = version < 3 ? bytes.u8(layout.at + 1) : 0;
    let from: number;
    if (version >= 3) from = kind === 0 ? layout.at + 4 : bytes.u64(layout.at + 2);
    else from = kind === 0 ? layout.at + 12 + 4 * rank : bytes.u64(layout.at + 8);
    if (byteCount === 0) return 0;
    if (from === UNDEFINED) throw damaged(`dataset ${path} was never written`, layout.at);
    bytes.check(from, from + byteCount);
    return from;
  }

  private floats(from: number, count: number, type: DataType, path: string): Float32Array {
    const { view } = this.bytes;
    const little = !type.bigEndian;
    const read = READERS[`${type.kind}${type.size}`];
    if (read === undefined)
      throw damaged(`dataset ${path} has elements that are neither float nor integer`, from);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = read(view, from + i * type.size, little);
    return values;
  }
}

type ReadNumber = (view: DataView, at: number, little: boolean) => number;

const READERS: Readonly<Record<string, ReadNumber>> = {
  float2: (view, at, little) => float16(view.getUint16(at, little)),
  float4: (view, at, little) => view.getFloat32(at, little),
  float8: (view, at, little) => view.getFloat64(at, little),
  int1: (view, at) => view.getInt8(at),
  int2: (view, at, little) => view.getInt16(at, little),
  int4: (view, at, little) => view.getInt32(at, little),
  int8: (view, at, little) => Number(view.getBigInt64(at, little)),
  uint1: (view, at) => view.getUint8(at),
  uint2: (view, at, little) => view.getUint16(at, little),
  uint4: (view, at, little) => view.getUint32(at, little),
  uint8: (view, at, little) => Number(view.getBigUint64(at, little)),
};
