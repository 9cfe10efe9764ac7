// Packs buffers with lifetimes into one arena. Dynamic storage allocation is NP-hard; several first-fit orders are tried,
// then seeded swaps around the best one, and the result is stated against the live-set bound, which no packing can beat.
import { alignUp } from '../ir/align.js';
import { TENSOR_ALIGNMENT } from './constants.js';

export interface Span {
  readonly bytes: number;
  /** Inclusive. */
  readonly firstStep: number;
  readonly lastStep: number;
}

export interface Packing {
  readonly offsets: readonly number[];
  readonly arenaBytes: number;
  readonly strategy: string;
}

/** The most aligned bytes that are live at one step. O(n log n). */
export function liveSetBound(spans: readonly Span[]): number {
  const events = spans.flatMap((span) => {
    const bytes = alignUp(span.bytes, TENSOR_ALIGNMENT);
    return [
      { step: span.firstStep, bytes },
      { step: span.lastStep + 1, bytes: -bytes },
    ];
  });
  // At one step, what ends is freed before what starts.
  events.sort((a, b) => a.step - b.step || a.bytes - b.bytes);
  let live = 0;
  let most = 0;
  for (const event of events) {
    live += event.bytes;
    most = Math.max(most, live);
  }
  return most;
}

const ORDERS: Readonly<Record<string, (a: Span, b: Span) => number>> = {
  'largest first': (a, b) => b.bytes - a.bytes,
  'longest first': (a, b) => duration(b) - duration(a) || b.bytes - a.bytes,
  'largest area first': (a, b) => duration(b) * b.bytes - duration(a) * a.bytes,
  'by time': (a, b) => a.firstStep - b.firstStep || b.bytes - a.bytes,
  'by time, backwards': (a, b) => b.lastStep - a.lastStep || b.bytes - a.bytes,
};

/** Tries around the best greedy order; each costs O(n^2), so large graphs get fewer. */
const SEARCH_WORK = 4_000_000;

export function pack(spans: readonly Span[]): Packing {
  const bound = liveSetBound(spans);
  let best: Packing & { order: readonly number[] } = {
    offsets: [],
    arenaBytes: Infinity,
    strategy: '',
    order: [],
  };
  for (const [strategy, compare] of Object.entries(ORDERS)) {
    const order = spans.map((_, i) => i).sort((a, b) => compare(spans[a]!, spans[b]!) || a - b);
    const packed = firstFit(spans, order);
    if (packed.arenaBytes < best.arenaBytes) best = { ...packed, strategy, order };
    if (best.arenaBytes === bound) return best;
  }
  const tries = Math.min(500, Math.floor(SEARCH_WORK / Math.max(1, spans.length ** 2)));
  let state = 0x9e3779b9;
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  for (let i = 0; i < tries && best.arenaBytes > bound; i++) {
    const order = [...best.order];
    const [moved] = order.splice(random(order.length), 1);
    order.splice(random(order.length + 1), 0, moved!);
    const packed = firstFit(spans, order);
    if (packed.arenaBytes <= best.arenaBytes) {
      const strategy =
        packed.arenaBytes < best.arenaBytes
          ? `search from ${best.strategy.replace('search from ', '')}`
          : best.strategy;
      best = { ...packed, strategy, order };
    }
  }
  return best;
}

/** Each span in turn at the lowest offset free for its whole life. */
function firstFit(
  spans: readonly Span[],
  order: readonly number[],
): { offsets: number[]; arenaBytes: number } {
  const offsets = new Array<number>(spans.length).fill(0);
  const placed: number[] = [];
  let arenaBytes = 0;
  for (const index of order) {
    const span = spans[index]!;
    const clashes = placed
      .filter((other) => spans[other]!.firstStep <= span.lastStep && span.firstStep <= spans[other]!.lastStep)
      .sort((a, b) => offsets[a]! - offsets[b]!);
    let offset = 0;
    for (const other of clashes) {
      if (offset + span.bytes <= offsets[other]!) break;
      offset = Math.max(offset, alignUp(offsets[other]! + spans[other]!.bytes, TENSOR_ALIGNMENT));
    }
    offsets[index] = offset;
    placed.push(index);
    arenaBytes = Math.max(arenaBytes, alignUp(offset + span.bytes, TENSOR_ALIGNMENT));
  }
  return { offsets, arenaBytes };
}

function duration(span: Span): number {
  return span.lastStep - span.firstStep + 1;
}
