/**
 * Windows as binary COPY, and read back from it for the rollups. Written by hand and not by columns (binary-copy.ts), because
 * telemetry is the one table whose rows are counted by the million. The bytes are kept from the commit to the fold: objects would
 * have to be moved and marked by the garbage collector meanwhile.
 */
import type { FoldedWindow, WindowRow } from '@tinyfleet/telemetry';

const columns = [
  ...['project_id', 'device_id', 'boot_id', 'seq', 'window_start', 'window_ms', 'batch_id', 'received_at'],
  ...['component', 'time_known', 'model_version_id', 'type_id', 'site', 'build_prefix', 'schema_crc', 'n'],
  ...['confidence_bins', 'classes', 'features', 'ood', 'switches', 'saturated', 'stuck', 'dropped_frames'],
  ...['invalid', 'cycles_mean', 'cycles_max', 'arena_bytes', 'stack_bytes', 'battery_percent', 'resets'],
  'first_index',
];

/** The statement whose data `encodeWindows` makes, for telemetry_window or its stage. */
export const copyWindowsInto = (table: string): string =>
  `copy ${table} (${columns.join(', ')}) from stdin with (format binary)`;

/** Signature, flags and length of the header's extension. */
const header = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const twoTo32 = 2 ** 32;
const absent = -1;
const epochOffsetMs = 946_684_800_000;

/** Every column with its length, but those of a length of their own at 4 bytes. */
const fixedRowBytes = 2 + columns.length * 20;
const rowBytes = ({ site, buildPrefix, classes, features, ood }: WindowRow): number =>
  fixedRowBytes +
  3 * site.length +
  buildPrefix.length +
  classes.length +
  (features?.length ?? 0) +
  (ood?.length ?? 0);

/** Keys repeat: the same devices, types and versions in every batch. */
const parsed = new Map<string, Int32Array>();
const maxParsed = 100_000;

function wordsOf(uuid: string): Int32Array {
  let words = parsed.get(uuid);
  if (words) return words;
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  words = Int32Array.from([0, 4, 8, 12], (at) => bytes.readInt32BE(at));
  if (parsed.size >= maxParsed) parsed.clear();
  parsed.set(uuid, words);
  return words;
}

/** Writes values with their lengths. What a column cannot hold throws a RangeError, as a Buffer would. */
class Sink {
  readonly bytes: Buffer;
  at = 0;
  private readonly view: DataView;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  word(value: number): void {
    this.view.setInt16(this.at, value);
    this.at += 2;
  }

  length(value: number): void {
    this.view.setInt32(this.at, value);
    this.at += 4;
  }

  int2(value: number | null): void {
    if (value === null) return this.length(absent);
    if ((value << 16) >> 16 !== value) throw outOfRange(value);
    this.length(2);
    this.word(value);
  }

  int4(value: number | null): void {
    if (value === null) return this.length(absent);
    if ((value | 0) !== value) throw outOfRange(value);
    this.length(4);
    this.length(value);
  }

  int8(value: number | null): void {
    if (value === null) return this.length(absent);
    if (!Number.isSafeInteger(value)) throw outOfRange(value);
    const high = Math.floor(value / twoTo32);
    this.length(8);
    this.length(high);
    this.length((value - high * twoTo32) | 0);
  }

  big(value: bigint): void {
    this.length(8);
    this.view.setBigUint64(this.at, BigInt.asUintN(64, value));
    this.at += 8;
  }

  /** Unix ms, as microseconds since 2000. */
  instant(unixMs: number): void {
    this.int8((Math.trunc(unixMs) - epochOffsetMs) * 1_000);
  }

  bool(value: boolean): void {
    this.length(1);
    this.bytes[this.at++] = value ? 1 : 0;
  }

  uuid(value: string): void {
    const words = wordsOf(value);
    this.length(16);
    for (let i = 0; i < 4; i++) this.length(words[i]!);
  }

  octets(value: Uint8Array | null): void {
    if (value === null) return this.length(absent);
    this.length(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  text(value: string): void {
    const length = value === '' ? 0 : this.bytes.write(value, this.at + 4, 'utf8');
    this.length(length);
    this.at += length;
  }
}

const outOfRange = (value: number): RangeError => new RangeError(`${value} is out of range`);

/** @param batchId int8 as text @throws RangeError of a value that its column cannot hold */
export function encodeWindows(rows: readonly WindowRow[], batchId: string): Buffer {
  const batch = BigInt(batchId);
  let size = header.length + 2;
  for (const row of rows) size += rowBytes(row);
  const sink = new Sink(size);
  sink.at = header.copy(sink.bytes);
  for (const row of rows) {
    sink.word(columns.length);
    sink.uuid(row.projectId);
    sink.uuid(row.deviceId);
    sink.big(row.bootId);
    sink.int8(row.sequence);
    sink.instant(row.windowStartMs);
    sink.int4(row.windowMs);
    sink.big(batch);
    sink.instant(row.receivedAtMs);
    sink.int2(row.component);
    sink.bool(row.timeKnown);
    sink.uuid(row.modelVersionId);
    sink.uuid(row.typeId);
    sink.text(row.site);
    sink.octets(row.buildPrefix);
    sink.int8(row.schemaCrc);
    sink.int4(row.n);
    sink.int2(row.confidenceBins);
    sink.octets(row.classes);
    sink.octets(row.features);
    sink.octets(row.ood);
    sink.int4(row.switches);
    sink.int4(row.saturated);
    sink.int4(row.stuck);
    sink.int4(row.droppedFrames);
    sink.int4(row.invalid);
    sink.int8(row.cyclesMean);
    sink.int8(row.cyclesMax);
    sink.int8(row.arenaBytes);
    sink.int8(row.stackBytes);
    sink.int2(row.batteryPercent);
    sink.int4(row.resets);
    sink.int8(row.firstIndex);
  }
  sink.word(absent);
  return sink.bytes.subarray(0, sink.at);
}

/** A column whose value is mostly that of the row before. */
class UuidColumn {
  private readonly words = new Int32Array(4);
  private text = '';

  read(source: Source): string {
    const { view, words } = source;
    source.next();
    let isSame = this.text !== '';
    for (let i = 0; i < 4; i++) {
      words[i] = view.getInt32(source.from + 4 * i);
      if (words[i] !== this.words[i]) isSame = false;
    }
    if (isSame) return this.text;
    this.words.set(words);
    const hex = source.bytes.toString('hex', source.from, source.from + 16);
    this.text = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    return this.text;
  }
}

/** Walks over values with their lengths, as `Sink` wrote them. */
class Source {
  readonly view: DataView;
  readonly words = new Int32Array(4);
  at = header.length;
  /** Of the value reached last. */
  from = 0;
  length = 0;

  constructor(readonly bytes: Buffer) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** True at a row, whose columns come next. */
  row(): boolean {
    const count = this.view.getInt16(this.at);
    this.at += 2;
    return count !== absent;
  }

  next(): void {
    this.length = this.view.getInt32(this.at);
    this.from = this.at + 4;
    this.at = this.from + Math.max(this.length, 0);
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) this.next();
  }

  /** Of any width; null where there is none. */
  integer(): number | null {
    this.next();
    const { view, from, length } = this;
    if (length === 4) return view.getInt32(from);
    if (length === 2) return view.getInt16(from);
    return length < 0 ? null : view.getInt32(from) * twoTo32 + view.getUint32(from + 4);
  }

  octets(): Uint8Array | null {
    this.next();
    // `subarray` would make a Buffer, at three times the cost.
    const { buffer, byteOffset } = this.bytes;
    return this.length < 0 ? null : new Uint8Array(buffer, byteOffset + this.from, this.length);
  }
}

/** The windows that `encodeWindows` wrote, one after the other in one object, whose byte strings are views. */
export function* readWindows(bytes: Buffer): Generator<FoldedWindow> {
  const source = new Source(bytes);
  const [project, device, model, type] = [
    new UuidColumn(),
    new UuidColumn(),
    new UuidColumn(),
    new UuidColumn(),
  ];
  const row = {} as { -readonly [K in keyof FoldedWindow]: FoldedWindow[K] };
  while (source.row()) {
    row.projectId = project.read(source);
    row.deviceId = device.read(source);
    source.skip(2);
    row.windowStartMs = source.integer()! / 1_000 + epochOffsetMs;
    source.skip(4);
    source.next();
    row.timeKnown = bytes[source.from] === 1;
    row.modelVersionId = model.read(source);
    row.typeId = type.read(source);
    source.next();
    row.site = source.length === 0 ? '' : bytes.toString('utf8', source.from, source.at);
    row.buildPrefix = source.octets()!;
    row.schemaCrc = source.integer()!;
    row.n = source.integer()!;
    row.confidenceBins = source.integer()!;
    row.classes = source.octets()!;
    row.features = source.octets();
    row.ood = source.octets();
    row.switches = source.integer();
    row.saturated = source.integer();
    row.stuck = source.integer();
    row.droppedFrames = source.integer();
    row.invalid = source.integer();
    row.cyclesMean = source.integer();
    row.cyclesMax = source.integer();
    source.skip(3);
    row.resets = source.integer();
    source.skip(1);
    yield row;
  }
}
