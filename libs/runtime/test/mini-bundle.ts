// A bundle put together by hand for this library's tests: one FULLY_CONNECTED step, y = 2x, with a class monitor and a
// golden vector. The compiler has the real writer, which this library must not depend on.
import { createHash } from 'node:crypto';
import {
  BUNDLE_ABI,
  BUNDLE_MAGIC,
  DTYPES,
  GOLDEN_KINDS,
  MONITOR_KINDS,
  OPS,
  RECORDS,
  ROLES,
  SECTIONS,
  SPACES,
  type RecordLayout,
} from '../src/generated/bundle-layout.js';

type Values = Readonly<Record<string, number | readonly number[]>>;

export function record(layout: RecordLayout, values: Values): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries(values)) {
    const field = layout.fields[name];
    if (field === undefined) throw new RangeError(`no field ${name}`);
    const width = Number(field.type.slice(1)) / 8;
    [value].flat().forEach((item, i) => {
      const at = field.offset + i * width;
      if (width === 1) view.setUint8(at, item);
      else if (width === 2) view.setUint16(at, item & 0xffff, true);
      else view.setUint32(at, item >>> 0, true);
    });
  }
  return bytes;
}

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const align = (n: number): number => Math.ceil(n / 16) * 16;
const none = record(RECORDS.operand, {});

export interface MiniBundleOptions {
  readonly golden?: {
    readonly seed: number;
    readonly outputsCrc: number;
    readonly stepCrcs: readonly number[];
  };
}

/** Input and output int8[4], identity weights, requantization by 2 (multiplier 2^30, shift 2). */
export function miniBundle(options: MiniBundleOptions = {}): Uint8Array {
  const n = 4;
  const weights = Uint8Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  const tables = new Uint8Array(16);
  new DataView(tables.buffer).setInt32(0, 2 ** 30, true);
  tables[4] = 2;
  const constants = join([weights, tables]);
  const operand = (space: number, dtype: number, offset: number, bytes: number): Uint8Array =>
    record(RECORDS.operand, { space, dtype, offset, bytes });
  const int8 = DTYPES.int8.number;
  const op = OPS.FULLY_CONNECTED;
  const operands = join([
    operand(SPACES.arena, int8, 0, n),
    operand(SPACES.const, int8, 0, n * n),
    none,
    operand(SPACES.const, DTYPES.int32.number, n * n, 4),
    operand(SPACES.const, int8, n * n + 4, 1),
    operand(SPACES.arena, int8, 16, n),
  ]);
  const params = record(op.params, {
    batches: 1,
    in_n: n,
    out_n: n,
    activation_min: -128,
    activation_max: 127,
  });
  const head = record(RECORDS.step, {
    op: op.number,
    version: op.version,
    bytes: RECORDS.step.bytes + operands.length + params.length,
    inputs: 5,
    outputs: 1,
  });
  const tensor = (direction: number): Uint8Array =>
    record(RECORDS.tensor, {
      direction,
      dtype: int8,
      rank: 2,
      role: direction === 1 ? ROLES.probabilities : ROLES.generic,
      dims: [1, n, 1, 1, 1, 1],
      space: SPACES.arena,
      name: 0xffff,
      offset: direction * 16,
      bytes: n,
      scale: 0x3f000000, // 0.5
      labels: direction === 1 ? 0 : 0xffff,
      classes: direction === 1 ? n : 0,
    });
  const monitor = record(RECORDS.monitor, {
    kind: MONITOR_KINDS.classes,
    bins: 8,
    dtype: int8,
    space: SPACES.arena,
    offset: 16,
    stride: 1,
    count: n,
  });
  const sections: [number, Uint8Array, number][] = [
    [SECTIONS.contract.number, join([tensor(0), tensor(1)]), 2],
    [SECTIONS.plan.number, join([head, operands, params]), 1],
    [SECTIONS.constants.number, constants, 0],
    [SECTIONS.labels.number, new Uint8Array(Buffer.from('\x01a\x02bc\x01d\x03\xc3\xa9e', 'latin1')), 4],
    [SECTIONS.monitors.number, monitor, 1],
  ];
  if (options.golden !== undefined) {
    const { seed, outputsCrc, stepCrcs } = options.golden;
    const golden = record(RECORDS.golden, {
      kind: GOLDEN_KINDS.random,
      frames: 1,
      seed,
      outputs_crc: outputsCrc,
    });
    const crcs = new Uint8Array(Uint32Array.from(stepCrcs).buffer);
    sections.push([SECTIONS.golden.number, golden, 1], [SECTIONS.step_crcs.number, crcs, stepCrcs.length]);
  }
  let end = align(RECORDS.header.bytes + sections.length * RECORDS.section.bytes);
  const placed = sections.map(([type, data, count]) => {
    const offset = end;
    end = align(end + data.length);
    return { entry: record(RECORDS.section, { type, offset, length: data.length, count }), offset, data };
  });
  const opSet = Array.from({ length: 32 }, (_, i) => (i === op.number >> 3 ? 1 << (op.number & 7) : 0));
  const bytes = new Uint8Array(end);
  bytes.set(
    record(RECORDS.header, {
      magic: BUNDLE_MAGIC,
      abi_major: BUNDLE_ABI.major,
      abi_minor: BUNDLE_ABI.minor,
      total_bytes: end,
      header_bytes: RECORDS.header.bytes,
      section_count: sections.length,
      arena_bytes: 32,
      step_count: 1,
      op_set: opSet,
      input_count: 1,
      output_count: 1,
      monitor_count: 1,
      golden_count: options.golden === undefined ? 0 : 1,
    }),
  );
  bytes.set(join(placed.map(({ entry }) => entry)), RECORDS.header.bytes);
  for (const { offset, data } of placed) bytes.set(data, offset);
  const digest = createHash('sha256')
    .update(bytes.subarray(RECORDS.header.fields.arena_bytes.offset))
    .digest();
  bytes.set(digest, RECORDS.header.fields.digest.offset);
  return bytes;
}
