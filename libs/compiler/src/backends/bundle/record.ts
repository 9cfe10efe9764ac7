// Writes records of docs/spec/bundle.yaml by field name. A missing or misspelled field, or a value its type cannot hold,
// is a defect of the compiler and throws.
import type { FieldType, RecordLayout } from '../../plan/generated/bundle-layout.js';

export type RecordValues = Readonly<Record<string, number | readonly number[] | Uint8Array>>;

const RANGE: Readonly<Record<FieldType, readonly [number, number]>> = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
};
const BYTES: Readonly<Record<FieldType, number>> = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4 };

/** Fields called reserved* are zero and may be left out. */
export function record(layout: RecordLayout, values: RecordValues): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  for (const name of Object.keys(values)) {
    if (!(name in layout.fields)) throw new Error(`invariant: the record has no field ${name}`);
  }
  for (const [name, field] of Object.entries(layout.fields)) {
    const given = values[name];
    if (given === undefined && !name.startsWith('reserved'))
      throw new Error(`invariant: field ${name} is not set`);
    const list = given === undefined ? [] : typeof given === 'number' ? [given] : [...given];
    if (given !== undefined && list.length !== field.count)
      throw new Error(`invariant: ${name} needs ${field.count} values`);
    const [low, high] = RANGE[field.type];
    list.forEach((value, i) => {
      if (!Number.isInteger(value) || value < low || value > high) {
        throw new Error(`invariant: ${name} = ${value} does not fit ${field.type}`);
      }
      write(view, field.offset + i * BYTES[field.type], field.type, value);
    });
  }
  return bytes;
}

function write(view: DataView, at: number, type: FieldType, value: number): void {
  switch (type) {
    case 'u8':
      view.setUint8(at, value);
      return;
    case 'i8':
      view.setInt8(at, value);
      return;
    case 'u16':
      view.setUint16(at, value, true);
      return;
    case 'i16':
      view.setInt16(at, value, true);
      return;
    case 'u32':
      view.setUint32(at, value, true);
      return;
    case 'i32':
      view.setInt32(at, value, true);
      return;
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
