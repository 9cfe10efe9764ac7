// Where a result's bytes stand in its base: the displacements that many equal windows agree on, and the longest equal bytes
// from a position on. Seeds are hashed windows; a window of one repeated byte says nothing and is left out.

const WINDOW = 8;
/** Positions remembered per hash; later ones are as good as earlier ones. */
const BUCKET = 4;

function hashes(bytes: Uint8Array, window: number, bits: number): Int32Array {
  const out = new Int32Array(Math.max(0, bytes.length - window + 1)).fill(-1);
  for (let at = 0; at < out.length; at++) {
    let hash = 0;
    let same = true;
    for (let i = 0; i < window; i++) {
      hash = Math.imul(hash ^ bytes[at + i]!, 0x9e37_79b1);
      hash ^= hash >>> 15;
      same &&= bytes[at + i] === bytes[at];
    }
    if (!same) out[at] = hash >>> (32 - bits);
  }
  return out;
}

/** Windows of bytes by hash, the last `BUCKET` positions of each. */
class WindowIndex {
  private readonly bits: number;
  private readonly positions: Int32Array;
  private readonly counts: Uint32Array;

  constructor(
    readonly bytes: Uint8Array,
    readonly window: number,
  ) {
    this.bits = Math.min(20, Math.max(8, 32 - Math.clz32(bytes.length)));
    this.positions = new Int32Array(BUCKET << this.bits).fill(-1);
    this.counts = new Uint32Array(1 << this.bits);
  }

  hashesOf(bytes: Uint8Array): Int32Array {
    return hashes(bytes, this.window, this.bits);
  }

  add(hash: number, at: number): void {
    if (hash < 0) return;
    this.positions[hash * BUCKET + (this.counts[hash]!++ % BUCKET)] = at;
  }

  /** Positions that may be equal. */
  find(hash: number): readonly number[] {
    if (hash < 0) return [];
    return Array.from(this.positions.subarray(hash * BUCKET, hash * BUCKET + BUCKET)).filter((at) => at >= 0);
  }
}

export function equalLength(a: Uint8Array, from: number, b: Uint8Array, at: number): number {
  const limit = Math.min(a.length - from, b.length - at);
  let n = 0;
  while (n < limit && a[from + n] === b[at + n]) n++;
  return n;
}

/** The displacements (position in the base minus position in the target) under which most bytes are equal. */
export function displacements(base: Uint8Array, target: Uint8Array, count: number): number[] {
  const votes = new Map<number, number>();
  const index = new WindowIndex(base, WINDOW);
  index.hashesOf(base).forEach((hash, at) => {
    index.add(hash, at);
  });
  const seen = new Map<number, number>();
  index.hashesOf(target).forEach((hash, at) => {
    for (const from of index.find(hash)) {
      const displacement = from - at;
      if ((seen.get(displacement) ?? 0) > at) continue;
      const length = equalLength(base, from, target, at);
      if (length < WINDOW) continue;
      seen.set(displacement, at + length);
      votes.set(displacement, (votes.get(displacement) ?? 0) + length);
    }
  });
  return [...votes]
    .sort(([a, x], [b, y]) => y - x || Math.abs(a) - Math.abs(b) || a - b)
    .slice(0, count)
    .map(([displacement]) => displacement);
}

export interface Match {
  /** As `Command.from`. */
  readonly from: number;
  readonly length: number;
  readonly self: boolean;
}

/**
 * Equal bytes in the base or earlier in the target, at each position of the target; at least `window` long. Displacements that
 * are followed anyway are left out.
 */
export function matches(
  base: Uint8Array,
  target: Uint8Array,
  { window, followed }: { readonly window: number; readonly followed: ReadonlySet<number> },
): readonly (readonly Match[])[] {
  // Where the equal bytes under a displacement end, so that none are compared twice.
  const ends = new Map<number, number>();
  const lengthOf = (source: Uint8Array, from: number, at: number): number => {
    const key = source === base ? from - at : from - at - base.length - target.length;
    const known = ends.get(key) ?? 0;
    if (known > at) return known - at;
    const length = equalLength(source, from, target, at);
    ends.set(key, at + length);
    return length;
  };
  const inBase = new WindowIndex(base, window);
  inBase.hashesOf(base).forEach((hash, at) => {
    inBase.add(hash, at);
  });
  const earlier = new WindowIndex(target, window);
  const baseHashes = inBase.hashesOf(target);
  const ownHashes = earlier.hashesOf(target);
  return Array.from(target, (_, at) => {
    const found: Match[] = [];
    for (const from of inBase.find(baseHashes[at] ?? -1)) {
      if (followed.has(from - at)) continue;
      const length = lengthOf(base, from, at);
      if (length >= window) found.push({ from: from - at, length, self: false });
    }
    for (const from of earlier.find(ownHashes[at] ?? -1)) {
      const length = lengthOf(target, from, at);
      if (length >= window) found.push({ from: at - from, length, self: true });
    }
    earlier.add(ownHashes[at] ?? -1, at);
    // A run: its window is left out above.
    if (at > 0) {
      const length = lengthOf(target, at - 1, at);
      if (length >= window) found.push({ from: 1, length, self: true });
    }
    return found;
  });
}
