/**
 * Token buckets by key (a session, a token, a source address) in bounded memory: `perSecond` requests in the long run,
 * `burst` at once. The keys used longest ago go first, which gives a stranger who makes keys up at most a new burst.
 */
export interface ThrottleOptions {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxKeys: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

export class Throttle {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly options: ThrottleOptions,
    /** Monotonic milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  get size(): number {
    return this.buckets.size;
  }

  /** Takes one request of the key. @returns 0, or the milliseconds after which the next one is allowed. */
  take(key: string): number {
    const { perSecond, burst, maxKeys } = this.options;
    const now = this.now();
    const known = this.buckets.get(key);
    const tokens = known ? Math.min(burst, known.tokens + ((now - known.at) * perSecond) / 1_000) : burst;
    // Deleted and set, so that the map's order is that of use.
    this.buckets.delete(key);
    this.buckets.set(key, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
    if (this.buckets.size > maxKeys) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    // Rounding errors of the fractions must not make a millisecond more.
    return tokens < 1 ? Math.max(1, Math.ceil(((1 - tokens) * 1_000) / perSecond - 1e-6)) : 0;
  }
}

/** What counts as one source: an IPv4 address, or the /64 that an IPv6 host chooses its addresses from. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
