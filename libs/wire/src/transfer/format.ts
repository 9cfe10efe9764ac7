// Numbers of the payload format, docs/spec/transfer.md; the reader's are in firmware-stubs/agent/include/fleet_payload.h.

/** First byte of every block: the format's version. */
export const BLOCK_FORMAT = 1;
/** Format, bytes of the result, coded bytes (24 bits each), CRC-32 of the result's bytes. */
export const BLOCK_HEAD_BYTES = 11;
export const MAX_BLOCK_BYTES = 0xff_ffff;

/** What came before a command. */
export const AFTER = { literal: 0, base: 1, self: 2 } as const;
export type After = (typeof AFTER)[keyof typeof AFTER];

const NUMBER_CONTEXTS = 32;

/** First context of each kind of symbol. */
export const CONTEXT = {
  /** Literal or copy, by what came before. */
  copy: 0,
  /** Copy from the base or from the result, by what came before. */
  self: 3,
  /** Copy with other bytes than its source's. */
  changed: 6,
  /** From where the copy before it would go on: base, self. */
  again: 7,
  /** Displacement of a copy from the base is below the one before. */
  below: 9,
  length: 16,
  selfLength: 16 + NUMBER_CONTEXTS,
  displacement: 16 + 2 * NUMBER_CONTEXTS,
  distance: 16 + 3 * NUMBER_CONTEXTS,
  literal: 16 + 4 * NUMBER_CONTEXTS,
  /** Differences after an equal byte, and after another one. */
  difference: 16 + 4 * NUMBER_CONTEXTS + 256,
} as const;
export const CONTEXTS = CONTEXT.difference + 512;

/** Differences modulo 256 as 0, 1, -1, 2, -2, ... 127, -127, 128. */
export function foldDifference(difference: number): number {
  const rest = difference & 255;
  return rest === 0 ? 0 : rest <= 128 ? rest * 2 - 1 : (256 - rest) * 2;
}

export type CommandKind = 'literal' | 'copy' | 'change' | 'self';

/** Makes bytes `at` to `at` + `length` of the result. */
export interface Command {
  readonly kind: CommandKind;
  readonly at: number;
  readonly length: number;
  /** Copy and change: position in the base minus position in the result. Self: how far back. */
  readonly from: number;
}
