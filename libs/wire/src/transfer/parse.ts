// Chooses the commands that make a result: the cheapest way through it, by dynamic programming over its positions. Costs are
// those of a round before, so that a second and third round fit the coder's own statistics.
import { equalLength, type Match } from './alignment.js';
import { AFTER, CONTEXT, foldDifference, type After, type Command, type CommandKind } from './format.js';
import { putByte, putNumber, type BitCounts, type Memory } from './symbols.js';

export interface Material {
  readonly base: Uint8Array;
  readonly target: Uint8Array;
  /** Displacements tried at every position, with changed bytes. */
  readonly displacements: readonly number[];
  /** Equal bytes elsewhere, by position in the target. */
  readonly matches: readonly (readonly Match[])[];
  /** Where blocks end, rising, the last one at the target's end. No command crosses them. */
  readonly ends: readonly number[];
}

export interface Parse {
  readonly commands: readonly Command[];
  /** Estimated bits of the commands that end at or before each position. */
  readonly bits: Float64Array;
}

/** Lengths whose cost is looked up; of longer ones only the number of bits counts. */
const LENGTHS = 256;
/** Lengths of one match that are tried: all short ones, then each by an eighth longer, and the whole. */
const LENGTH_STEP = 3;
const KINDS: readonly CommandKind[] = ['literal', 'copy', 'change', 'self'];
const [LITERAL, COPY, CHANGE, SELF] = [0, 1, 2, 3];

/** Costs of the parts of commands, looked up often. */
class Costs {
  readonly literal: Float64Array;
  /** By what was before (equal, other), then by difference modulo 256. */
  readonly difference: readonly Float64Array[];
  private readonly short = new Map<number, Float64Array>();
  private readonly sized = new Map<number, Float64Array>();

  constructor(private readonly counts: BitCounts) {
    const bytes = (context: number, fold: (value: number) => number): Float64Array =>
      Float64Array.from({ length: 256 }, (_, value) =>
        counts.cost((sink) => putByte(sink, context, fold(value))),
      );
    this.literal = bytes(CONTEXT.literal, (value) => value);
    this.difference = [0, 256].map((after) => bytes(CONTEXT.difference + after, foldDifference));
    for (const context of [CONTEXT.length, CONTEXT.selfLength, CONTEXT.displacement, CONTEXT.distance]) {
      this.short.set(
        context,
        Float64Array.from({ length: LENGTHS }, (_, n) => counts.cost((sink) => putNumber(sink, context, n))),
      );
      // One number of each size, with a one below its highest bit.
      this.sized.set(
        context,
        Float64Array.from({ length: 25 }, (_, bits) =>
          counts.cost((sink) => putNumber(sink, context, 2 ** bits + ((2 ** bits) >> 1) - 1)),
        ),
      );
    }
  }

  private number(context: number, n: number): number {
    return n < LENGTHS ? this.short.get(context)![n]! : this.sized.get(context)![31 - Math.clz32(n + 1)]!;
  }

  length(kind: number, n: number): number {
    return this.number(kind === SELF ? CONTEXT.selfLength : CONTEXT.length, n - 1);
  }

  /** The head without its length. */
  head(kind: number, memory: Memory, from: number): number {
    return (
      this.flags(kind, memory.after, again(kind, memory, from), from < memory.displacement) +
      this.move(kind, memory, from)
    );
  }

  private readonly flagCosts = new Map<number, number>();

  private flags(kind: number, after: After, repeats: boolean, below: boolean): number {
    const key = ((kind * 4 + after) * 2 + Number(repeats)) * 2 + Number(below);
    let bits = this.flagCosts.get(key);
    if (bits === undefined) {
      const { cost } = {
        cost: (context: number, bit: boolean) => this.counts.cost((sink) => sink.bit(context, Number(bit))),
      };
      bits = cost(CONTEXT.copy + after, kind !== LITERAL);
      if (kind !== LITERAL) bits += cost(CONTEXT.self + after, kind === SELF);
      if (kind === SELF) bits += cost(CONTEXT.again + 1, repeats);
      if (kind === COPY || kind === CHANGE) {
        bits += cost(CONTEXT.changed, kind === CHANGE) + cost(CONTEXT.again, repeats);
        if (!repeats) bits += cost(CONTEXT.below, below);
      }
      this.flagCosts.set(key, bits);
    }
    return bits;
  }

  private move(kind: number, memory: Memory, from: number): number {
    if (kind === LITERAL || again(kind, memory, from)) return 0;
    const n = kind === SELF ? from : Math.abs(from - memory.displacement);
    return this.number(kind === SELF ? CONTEXT.distance : CONTEXT.displacement, n - 1);
  }
}

const longer = (l: number, most: number): number =>
  l < 16 || l === most ? l + 1 : Math.min(most, l + (l >> LENGTH_STEP));

const again = (kind: number, memory: Memory, from: number): boolean =>
  kind === SELF ? from === memory.distance : from === memory.displacement;

export function parse({ base, target, displacements, matches, ends }: Material, counts: BitCounts): Parse {
  const n = target.length;
  const costs = new Costs(counts);
  const bits = new Float64Array(n + 1).fill(Infinity);
  const start = new Int32Array(n + 1);
  const kinds = new Uint8Array(n + 1);
  const froms = new Int32Array(n + 1);
  // Memory of the cheapest way to each position.
  const displacement = new Int32Array(n + 1);
  const distance = new Int32Array(n + 1).fill(1);
  bits[0] = 0;

  let [blockStart, blockEnd, block] = [0, ends[0] ?? n, 0];
  const reach = (end: number, from: { start: number; kind: number; from: number; bits: number }): void => {
    if (from.bits >= bits[end]! || end > blockEnd) return;
    bits[end] = from.bits;
    start[end] = from.start;
    kinds[end] = from.kind;
    froms[end] = from.from;
    displacement[end] = from.kind === COPY || from.kind === CHANGE ? from.from : displacement[from.start]!;
    distance[end] = from.kind === SELF ? from.from : distance[from.start]!;
  };

  // Open copies and changes along each displacement: cost without the length, and where they began.
  const open = displacements.map((from) => ({
    from,
    copy: Infinity,
    copyStart: 0,
    change: Infinity,
    changeStart: 0,
  }));
  /** How far the target repeats itself at a distance, so that long runs are compared once. */
  const repeat = { distance: 0, end: 0 };
  const after: readonly After[] = [AFTER.literal, AFTER.base, AFTER.base, AFTER.self];
  for (let at = 0; at < n; at++) {
    if (at === blockEnd) {
      blockStart = at;
      blockEnd = ends[++block]!;
      displacement[at] = 0;
      distance[at] = 1;
      for (const way of open) way.copy = way.change = Infinity;
    }
    const here = bits[at]!;
    const memory: Memory = {
      after: at === blockStart ? AFTER.literal : after[kinds[at]!]!,
      displacement: displacement[at]!,
      distance: distance[at]!,
    };
    const byte = target[at]!;
    reach(at + 1, {
      start: at,
      kind: LITERAL,
      from: 0,
      bits: here + costs.head(LITERAL, memory, 0) + costs.literal[byte]!,
    });
    for (const { from, length, self } of matches[at]!) {
      const kind = self ? SELF : COPY;
      if (self && at - from < blockStart) continue;
      const head = here + costs.head(kind, memory, from);
      for (let l = 2; l <= length; l = longer(l, length))
        reach(at + l, { start: at, kind, from, bits: head + costs.length(kind, l) });
    }
    if (at - blockStart >= memory.distance && target[at - memory.distance] === byte) {
      if (repeat.distance !== memory.distance || repeat.end <= at) {
        repeat.distance = memory.distance;
        repeat.end = at + equalLength(target, at - memory.distance, target, at);
      }
      const length = repeat.end - at;
      const head = here + costs.head(SELF, memory, memory.distance);
      for (let l = 1; l <= length; l = longer(l, length))
        reach(at + l, { start: at, kind: SELF, from: memory.distance, bits: head + costs.length(SELF, l) });
    }
    for (const way of open) {
      const source = at + way.from;
      if (source < 0 || source >= base.length) {
        way.copy = way.change = Infinity;
        continue;
      }
      const difference = (byte - base[source]!) & 255;
      const changeHead = here + costs.head(CHANGE, memory, way.from);
      if (changeHead < way.change) {
        way.change = changeHead;
        way.changeStart = at;
      }
      const follows = way.changeStart < at && source > 0 && target[at - 1] !== base[source - 1] ? 1 : 0;
      way.change += costs.difference[follows]![difference]!;
      reach(at + 1, {
        start: way.changeStart,
        kind: CHANGE,
        from: way.from,
        bits: way.change + costs.length(CHANGE, at + 1 - way.changeStart),
      });
      if (difference !== 0) {
        way.copy = Infinity;
        continue;
      }
      const copyHead = here + costs.head(COPY, memory, way.from);
      // A copy that began earlier is longer, which may cost a bit or two more.
      if (copyHead < way.copy) {
        way.copy = copyHead;
        way.copyStart = at;
      }
      reach(at + 1, {
        start: way.copyStart,
        kind: COPY,
        from: way.from,
        bits: way.copy + costs.length(COPY, at + 1 - way.copyStart),
      });
    }
  }

  const commands: Command[] = [];
  for (let end = n; end > 0; end = start[end]!)
    commands.push({
      kind: KINDS[kinds[end]!]!,
      at: start[end]!,
      length: end - start[end]!,
      from: froms[end]!,
    });
  return { commands: commands.reverse(), bits };
}
