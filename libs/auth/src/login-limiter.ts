/**
 * Slows down guessing. An attempt counts when it begins, so that parallel ones cannot slip through together, and is
 * taken back when it succeeds. After `free` attempts of a key every further one waits twice as long, up to `maxWaitMs`;
 * `forgetMs` without an attempt clears it. Keys: the account, and the source (with more free ones: many share an
 * address). Who has logged in to the account from that source before is counted apart, so that a stranger who guesses
 * cannot lock the owner out. In memory: a restart forgets, which costs an attacker nothing he can cause.
 */
export interface LoginLimits {
  /** Per account. */
  readonly freeAttempts: number;
  /** Per source address. */
  readonly freeAttemptsPerSource: number;
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  readonly forgetMs: number;
  /** Keys remembered; beyond it the oldest go, so that strangers cannot fill the memory. */
  readonly maxKeys: number;
}
export const loginLimits: LoginLimits = {
  freeAttempts: 5,
  freeAttemptsPerSource: 50,
  firstWaitMs: 1_000,
  maxWaitMs: 5 * 60_000,
  forgetMs: 30 * 60_000,
  maxKeys: 50_000,
};

interface Attempts {
  count: number;
  at: number;
}

/** Taken back by who succeeds. */
export interface Attempt {
  readonly keys: readonly string[];
  readonly pair: string | undefined;
}

export class LoginLimiter {
  private readonly attempts = new Map<string, Attempts>();
  /** Account and source that have succeeded. */
  private readonly known = new Set<string>();

  constructor(
    private readonly limits: LoginLimits = loginLimits,
    private readonly now: () => number = Date.now,
  ) {}

  /** Counts an attempt, or says how many milliseconds to wait; a refused one does not count. */
  begin(source: string, account?: string): Attempt | { waitMs: number } {
    const pair = account === undefined ? undefined : `pair ${source} ${account}`;
    const own = pair === undefined ? [] : [this.known.has(pair) ? pair : `account ${account}`];
    const keys = [`source ${source}`, ...own];
    const waitMs = Math.max(...keys.map((key) => this.waitOf(key)));
    if (waitMs > 0) return { waitMs };
    for (const key of keys) this.count(key);
    return { keys, pair };
  }

  /** How long a source has to wait that counts its failures itself, by `fail`. */
  waitMs(source: string): number {
    return this.waitOf(`source ${source}`);
  }

  fail(source: string): void {
    this.count(`source ${source}`);
  }

  /** The account's count is cleared, the source's only lessened: an own account must not pay for guesses at others. */
  succeed({ keys, pair }: Attempt): void {
    for (const key of keys) {
      const known = this.attempts.get(key);
      if (key.startsWith('source ') && known && known.count > 1) known.count -= 1;
      else this.attempts.delete(key);
    }
    if (pair === undefined) return;
    this.known.delete(pair);
    this.known.add(pair);
    dropOldest(this.known, this.limits.maxKeys);
  }

  private count(key: string): void {
    const known = this.current(key);
    this.attempts.delete(key);
    this.attempts.set(key, { count: (known?.count ?? 0) + 1, at: this.now() });
    dropOldest(this.attempts, this.limits.maxKeys);
  }

  private waitOf(key: string): number {
    const known = this.current(key);
    const free = key.startsWith('source ') ? this.limits.freeAttemptsPerSource : this.limits.freeAttempts;
    if (!known || known.count < free) return 0;
    const doublings = Math.min(known.count - free, 30);
    const waitMs = Math.min(this.limits.firstWaitMs * 2 ** doublings, this.limits.maxWaitMs);
    return Math.max(0, known.at + waitMs - this.now());
  }

  private current(key: string): Attempts | undefined {
    const known = this.attempts.get(key);
    return known && this.now() - known.at < this.limits.forgetMs ? known : undefined;
  }
}

function dropOldest(keys: Map<string, unknown> | Set<string>, most: number): void {
  if (keys.size <= most) return;
  const [oldest] = keys.keys();
  if (oldest !== undefined) keys.delete(oldest);
}
