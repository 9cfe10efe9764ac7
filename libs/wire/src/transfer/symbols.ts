// How commands become bits under contexts. One walk serves three readers of them: the range coder, a count of bits per context,
// and the costs made of such counts.
import { AFTER, CONTEXT, foldDifference, type After, type Command, type CommandKind } from './format.js';

/** Takes bits under contexts. */
export interface BitSink {
  bit(context: number, bit: number): void;
}

export const NUMBER_BITS = 25;
const NUMBER_LOW_CONTEXTS = 7;

/** A byte, highest bit first, each under the bits above it: 255 contexts from `context` + 1. */
export function putByte(sink: BitSink, context: number, value: number): void {
  let node = 1;
  for (let at = 7; at >= 0; at--) {
    const bit = (value >>> at) & 1;
    sink.bit(context + node, bit);
    node = node * 2 + bit;
  }
}

/** Exponential Golomb, 0 to 2^25 - 2: how many bits value + 1 has in unary, then those below its highest. */
export function putNumber(sink: BitSink, context: number, value: number): void {
  const bits = 31 - Math.clz32(value + 1);
  for (let i = 0; i < bits; i++) sink.bit(context + i, 1);
  sink.bit(context + bits, 0);
  for (let at = bits - 1; at >= 0; at--)
    sink.bit(context + NUMBER_BITS + Math.min(at, NUMBER_LOW_CONTEXTS - 1), ((value + 1) >>> at) & 1);
}

/** What later commands of a block refer to. */
export interface Memory {
  after: After;
  /** Of the copy from the base before: position there minus position in the result. */
  displacement: number;
  /** Of the copy from the result before: how far back. */
  distance: number;
}

export const freshMemory = (): Memory => ({ after: AFTER.literal, displacement: 0, distance: 1 });

/** The head of a command, without the bytes of literals and differences. */
export function putCommand(
  sink: BitSink,
  memory: Memory,
  command: { readonly kind: CommandKind; readonly length: number; readonly from: number },
): void {
  const { kind, length, from } = command;
  sink.bit(CONTEXT.copy + memory.after, kind === 'literal' ? 0 : 1);
  if (kind === 'literal') {
    memory.after = AFTER.literal;
    return;
  }
  sink.bit(CONTEXT.self + memory.after, kind === 'self' ? 1 : 0);
  if (kind === 'self') {
    const again = from === memory.distance;
    sink.bit(CONTEXT.again + 1, again ? 1 : 0);
    if (!again) putNumber(sink, CONTEXT.distance, from - 1);
    putNumber(sink, CONTEXT.selfLength, length - 1);
    memory.distance = from;
    memory.after = AFTER.self;
    return;
  }
  sink.bit(CONTEXT.changed, kind === 'change' ? 1 : 0);
  const again = from === memory.displacement;
  sink.bit(CONTEXT.again, again ? 1 : 0);
  if (!again) {
    sink.bit(CONTEXT.below, from < memory.displacement ? 1 : 0);
    putNumber(sink, CONTEXT.displacement, Math.abs(from - memory.displacement) - 1);
  }
  putNumber(sink, CONTEXT.length, length - 1);
  memory.displacement = from;
  memory.after = AFTER.base;
}

/** Commands of one block in order. */
export function putCommands(
  sink: BitSink,
  commands: readonly Command[],
  base: Uint8Array,
  target: Uint8Array,
): void {
  const memory = freshMemory();
  for (const command of commands) {
    const { kind, at, length, from } = command;
    if (kind === 'literal') {
      for (let i = at; i < at + length; i++) {
        putCommand(sink, memory, command);
        putByte(sink, CONTEXT.literal, target[i]!);
      }
      continue;
    }
    putCommand(sink, memory, command);
    if (kind !== 'change') continue;
    let context: number = CONTEXT.difference;
    for (let i = at; i < at + length; i++) {
      const difference = target[i]! - base[i + from]!;
      putByte(sink, context, foldDifference(difference));
      context = CONTEXT.difference + (difference === 0 ? 0 : 256);
    }
  }
}

/** Bits seen per context, and what a further one costs by these. */
export class BitCounts implements BitSink {
  private readonly zeros: Float64Array;
  private readonly ones: Float64Array;

  constructor(contexts: number) {
    this.zeros = new Float64Array(contexts).fill(0.4);
    this.ones = new Float64Array(contexts).fill(0.4);
  }

  bit(context: number, bit: number): void {
    (bit === 0 ? this.zeros : this.ones)[context]!++;
  }

  /** Bits that `put` would take. */
  cost(put: (sink: BitSink) => void): number {
    let bits = 0;
    put({
      bit: (context, bit) => {
        const zeros = this.zeros[context]!;
        const ones = this.ones[context]!;
        // What adapts slowly never costs nothing.
        const share = Math.min((bit === 0 ? zeros : ones) / (zeros + ones), 0.99);
        bits -= Math.log2(share);
      },
    });
    return bits;
  }
}
