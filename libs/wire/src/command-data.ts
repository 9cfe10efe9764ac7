/** `data` of the commands set-edges and capture (docs/spec/wire.cddl, new-edges and capture-rule). */
import { FleetError } from '@tinyfleet/errors';
import { crc32 } from './checksum.js';
import { decodeRule } from './decode.js';
import { encodeRule } from './encode.js';
import type { CaptureRule, Command, NewEdges } from './generated/messages.js';

/** A monitor of a bundle and how it is summarized. */
export interface MonitorEdges {
  /** In the bundle's monitors section. */
  readonly index: number;
  /** Sums are of (q - centre). */
  readonly centre: number;
  /** 1 to 15, rising; one bin more than there are edges. */
  readonly edges: readonly number[];
}

const slots = 15;
const unused = 32_767;

/** What a command sets until the next boot, and how a device that has it says so (hello, settings). */
export interface SettingMark {
  /** 0: nothing is to be set. */
  readonly mark: number;
  /** First 8 bytes of the digest of the one build that it is for. */
  readonly build: Uint8Array | undefined;
}

/** Undefined for a command that sets nothing, and for data that no device takes. */
export function settingMark(
  command: Command,
  argument: number | undefined,
  data: Uint8Array | undefined,
): SettingMark | undefined {
  if (command === 'set-cadence') return { mark: argument ?? 0, build: undefined };
  if (data === undefined) return undefined;
  try {
    if (command === 'set-edges') {
      const { build, monitors } = decodeRule('newEdges', data) as unknown as NewEdges;
      return { mark: monitors.length === 0 ? 0 : crc32(data), build };
    }
    if (command !== 'capture') return undefined;
    const { bytes } = decodeRule('captureRule', data) as unknown as CaptureRule;
    return { mark: bytes === 0 ? 0 : crc32(data), build: undefined };
  } catch (error) {
    if (error instanceof FleetError) return undefined;
    throw error;
  }
}

export function encodeCaptureRule(rule: CaptureRule): Uint8Array {
  return encodeRule('captureRule', { ...rule });
}

/** `build`: first 8 bytes of the bundle's digest. @throws wire.out-of-range */
export function encodeNewEdges(build: Uint8Array, monitors: readonly MonitorEdges[]): Uint8Array {
  const bytes = new Uint8Array(monitors.length * (4 + 2 * slots));
  const view = new DataView(bytes.buffer);
  for (const [i, { index, centre, edges }] of monitors.entries()) {
    const at = i * (4 + 2 * slots);
    const field = `monitors[${i}]`;
    view.setUint8(at, within(index, 0, 16, `${field}.index`));
    view.setUint8(at + 1, within(edges.length, 1, slots, `${field}.edges`) + 1);
    view.setInt16(at + 2, within(centre, -32_768, 32_767, `${field}.centre`), true);
    for (let edge = 0; edge < slots; edge++) {
      const lowest = edge === 0 || edge >= edges.length ? -32_768 : edges[edge - 1]!;
      const value = within(edges[edge] ?? unused, lowest, 32_767, `${field}.edges[${edge}]`);
      view.setInt16(at + 4 + 2 * edge, value, true);
    }
  }
  return encodeRule('newEdges', { build, monitors: bytes });
}

function within(value: number, min: number, max: number, field: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const range = `${min}..${max}`;
  throw new FleetError('wire.out-of-range', { message: 'newEdges', field, value, range });
}
