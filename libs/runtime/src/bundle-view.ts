// Reads a bundle's tables for people and tools: contract, plan, labels, monitors. It checks nothing but the bounds of
// JavaScript; give it bundles that the runtime has loaded. Devices read the same bytes in C.
import { FleetError } from '@tinyfleet/errors';
import { OPS, RECORDS, SECTIONS, type OpName, type RecordLayout } from './generated/bundle-layout.js';

export type Fields = Readonly<Record<string, number | readonly number[]>>;

export interface BundleOperand {
  readonly space: number;
  readonly dtype: number;
  readonly layout: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface BundleStep {
  readonly op: OpName | null; // null: an op this build's tables do not name
  readonly number: number;
  readonly version: number;
  readonly node: number;
  readonly inputs: readonly BundleOperand[];
  readonly outputs: readonly BundleOperand[];
  readonly scratch: readonly BundleOperand[];
  readonly params: Fields;
}

export interface BundleTensor {
  readonly direction: 'input' | 'output';
  readonly dtype: number;
  readonly role: number;
  readonly dims: readonly number[]; // as many as its rank
  readonly bytes: number;
  readonly offset: number;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly sensor: number;
  readonly axes: number;
  readonly unit: number;
  readonly fullScale: number;
  readonly sampleRateMhz: number;
  readonly frame: number;
  readonly hop: number;
  readonly classes: number;
  readonly name: string | null;
}

export interface BundleView {
  readonly abi: { readonly major: number; readonly minor: number };
  readonly totalBytes: number;
  readonly digest: Uint8Array;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly stackBytes: number;
  readonly flags: number;
  readonly goldenCount: number;
  readonly opSet: Uint8Array;
  readonly ownOpSet: Uint8Array;
  readonly sections: Readonly<
    Partial<Record<keyof typeof SECTIONS, { readonly offset: number; readonly length: number }>>
  >;
  readonly inputs: readonly BundleTensor[];
  readonly outputs: readonly BundleTensor[];
  readonly steps: readonly BundleStep[];
  /** Of the front end, in order; none without one. */
  readonly stages: readonly { readonly stage: number; readonly version: number }[];
  readonly labels: readonly string[];
  readonly monitors: readonly Fields[];
}

/** The fields of one record, by name. */
export function readRecord(bytes: Uint8Array, offset: number, layout: RecordLayout): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const get = {
    u8: (at: number) => view.getUint8(at),
    i8: (at: number) => view.getInt8(at),
    u16: (at: number) => view.getUint16(at, true),
    i16: (at: number) => view.getInt16(at, true),
    u32: (at: number) => view.getUint32(at, true),
    i32: (at: number) => view.getInt32(at, true),
  };
  const fields: Record<string, number | number[]> = {};
  for (const [name, { type, offset: from, count }] of Object.entries(layout.fields)) {
    const width = Number(type.slice(1)) / 8;
    const at = offset + from;
    fields[name] =
      count === 1 ? get[type](at) : Array.from({ length: count }, (_, i) => get[type](at + i * width));
  }
  return fields;
}

const binary32 = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;

const opNames = new Map<number, OpName>(Object.entries(OPS).map(([name, op]) => [op.number, name as OpName]));
const sectionNames = new Map(
  Object.entries(SECTIONS).map(([name, s]) => [s.number as number, name as keyof typeof SECTIONS]),
);

/** Throws bundle.truncated when a table leaves the bytes. */
export function readBundle(bytes: Uint8Array): BundleView {
  try {
    return read(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FleetError('bundle.truncated', { bytes: bytes.length, expected: 'more' }, { cause });
  }
}

function read(bytes: Uint8Array): BundleView {
  const header = readRecord(bytes, 0, RECORDS.header);
  const number = (fields: Fields, name: string): number => fields[name] as number;
  const slice = (from: number, length: number): Uint8Array => {
    if (from + length > bytes.length) throw new RangeError('a section ends behind the bundle');
    return bytes.subarray(from, from + length);
  };
  const sections: Partial<Record<keyof typeof SECTIONS, { offset: number; length: number }>> = {};
  for (let i = 0; i < number(header, 'section_count'); i++) {
    const at = number(header, 'header_bytes') + i * RECORDS.section.bytes;
    const entry = readRecord(bytes, at, RECORDS.section);
    const name = sectionNames.get(number(entry, 'type'));
    if (name !== undefined)
      sections[name] = { offset: number(entry, 'offset'), length: number(entry, 'length') };
  }
  const contents = (name: keyof typeof SECTIONS): Uint8Array =>
    sections[name] === undefined ? new Uint8Array() : slice(sections[name].offset, sections[name].length);
  const names = readStrings(contents('names'));
  const tensor = (index: number): BundleTensor => {
    const t = readRecord(contents('contract'), index * RECORDS.tensor.bytes, RECORDS.tensor);
    return {
      direction: number(t, 'direction') === 0 ? 'input' : 'output',
      dtype: number(t, 'dtype'),
      role: number(t, 'role'),
      dims: (t.dims as readonly number[]).slice(0, number(t, 'rank')),
      bytes: number(t, 'bytes'),
      offset: number(t, 'offset'),
      scale: binary32(number(t, 'scale')),
      zeroPoint: number(t, 'zero_point'),
      sensor: number(t, 'sensor'),
      axes: number(t, 'axes'),
      unit: number(t, 'unit'),
      fullScale: number(t, 'full_scale'),
      sampleRateMhz: number(t, 'sample_rate_mhz'),
      frame: number(t, 'frame'),
      hop: number(t, 'hop'),
      classes: number(t, 'classes'),
      name: names[number(t, 'name')] ?? null,
    };
  };
  const inputs = number(header, 'input_count');
  const outputs = number(header, 'output_count');
  return {
    abi: { major: number(header, 'abi_major'), minor: number(header, 'abi_minor') },
    totalBytes: number(header, 'total_bytes'),
    digest: slice(RECORDS.header.fields.digest.offset, 32),
    arenaBytes: number(header, 'arena_bytes'),
    stateBytes: number(header, 'state_bytes'),
    stackBytes: number(header, 'stack_bytes'),
    flags: number(header, 'flags'),
    goldenCount: number(header, 'golden_count'),
    opSet: slice(RECORDS.header.fields.op_set.offset, 32),
    ownOpSet: slice(RECORDS.header.fields.own_op_set.offset, 8),
    sections,
    inputs: Array.from({ length: inputs }, (_, i) => tensor(i)),
    outputs: Array.from({ length: outputs }, (_, i) => tensor(inputs + i)),
    stages: readStages(contents('front_end')),
    steps: readPlan(contents('plan'), number(header, 'step_count')),
    labels: readStrings(contents('labels')),
    monitors: Array.from({ length: number(header, 'monitor_count') }, (_, i) =>
      readRecord(contents('monitors'), i * RECORDS.monitor.bytes, RECORDS.monitor),
    ),
  };
}

function readPlan(plan: Uint8Array, count: number): BundleStep[] {
  const steps: BundleStep[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const head = readRecord(plan, at, RECORDS.step) as Record<string, number>;
    let next = at + RECORDS.step.bytes;
    const operands = (n: number): BundleOperand[] =>
      Array.from({ length: n }, () => {
        const { space, dtype, layout, offset, bytes } = readRecord(plan, next, RECORDS.operand) as Record<
          string,
          number
        >;
        next += RECORDS.operand.bytes;
        return { space: space!, dtype: dtype!, layout: layout!, offset: offset!, bytes: bytes! };
      });
    const inputs = operands(head.inputs!);
    const outputs = operands(head.outputs!);
    const scratch = operands(head.scratch!);
    const op = opNames.get(head.op!) ?? null;
    const params = op === null ? {} : readRecord(plan, next, OPS[op].params);
    steps.push({
      op,
      number: head.op!,
      version: head.version!,
      node: head.node!,
      inputs,
      outputs,
      scratch,
      params,
    });
    at += head.bytes!;
  }
  return steps;
}

function readStages(section: Uint8Array): { stage: number; version: number }[] {
  if (section.length === 0) return [];
  const head = readRecord(section, 0, RECORDS.front_end) as Record<string, number>;
  let at = RECORDS.front_end.bytes;
  return Array.from({ length: head.stages! }, () => {
    const record = readRecord(section, at, RECORDS.front_end_stage) as Record<string, number>;
    at += record.bytes!;
    return { stage: record.stage!, version: record.version! };
  });
}

/** A length byte, then that many bytes of UTF-8, repeated. */
export function readStrings(section: Uint8Array): string[] {
  const out: string[] = [];
  const decoder = new TextDecoder();
  for (let at = 0; at < section.length; at += 1 + section[at]!)
    out.push(decoder.decode(section.subarray(at + 1, at + 1 + section[at]!)));
  return out;
}
