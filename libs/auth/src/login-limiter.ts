/**
 * Slows down guessing: after `freeAttempts` failures of one key (address and account, each on its own) every further
 * attempt has to wait twice as long, up to `maxWaitMs`; a success or `forgetMs` without failure clears it. In memory:
 * a restart forgets, which costs an attacker nothing he can cause.
 */
export interface LoginLimits {
  readonly freeAttempts: number;
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  readonly forgetMs: number;
  /** Keys remembered; beyond it the oldest go, so that strangers cannot fill the memory. */
  readonly maxKeys: number;
}
export const loginLimits: LoginLimits = {
  freeAttempts: 5,
  firstWaitMs: 1_000,
  maxWaitMs: 5 * 60_000,
  forgetMs: 30 * 60_000,
  maxKeys: 50_000,
};

interface Failures {
  count: number;
  at: number;
}

export class LoginLimiter {
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly limits: LoginLimits = loginLimits,
    private readonly now: () => number = Date.now,
  ) {}

  /** Milliseconds until the next attempt of any of these keys is allowed; 0 = now. */
  waitMs(keys: readonly string[]): number {
    return Math.max(0, ...keys.map((key) => this.waitOf(key)));
  }

  fail(keys: readonly string[]): void {
    for (const key of keys) {
      const known = this.current(key);
      this.failures.delete(key);
      this.failures.set(key, { count: (known?.count ?? 0) + 1, at: this.now() });
      if (this.failures.size > this.limits.maxKeys) {
        const [oldest] = this.failures.keys();
        if (oldest !== undefined) this.failures.delete(oldest);
      }
    }
  }

  succeed(keys: readonly string[]): void {
    for (const key of keys) this.failures.delete(key);
  }

  private waitOf(key: string): number {
    const known = this.current(key);
    if (!known || known.count < this.limits.freeAttempts) return 0;
    const doublings = Math.min(known.count - this.limits.freeAttempts, 30);
    const waitMs = Math.min(this.limits.firstWaitMs * 2 ** doublings, this.limits.maxWaitMs);
    return Math.max(0, known.at + waitMs - this.now());
  }

  private current(key: string): Failures | undefined {
    const known = this.failures.get(key);
    return known && this.now() - known.at < this.limits.forgetMs ? known : undefined;
  }
}
