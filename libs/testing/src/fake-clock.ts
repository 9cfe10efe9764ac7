// A clock that moves only when a test moves it: wall time, monotonic time and sleepers in one. It replaces no global.

interface Sleeper {
  readonly wakesAtMs: number;
  readonly wake: () => void;
}

export class FakeClock {
  #nowMs: number;
  readonly #startMs: number;
  #sleepers: Sleeper[] = [];

  /** @param start Unix time the clock shows first, in milliseconds or as a date */
  constructor(start: number | Date = Date.UTC(2026, 0, 1)) {
    this.#nowMs = Number(start);
    this.#startMs = this.#nowMs;
  }

  /** Unix time in milliseconds. Bound, so that it can be handed over as a function. */
  readonly now = (): number => this.#nowMs;

  /** Microseconds since the clock was made, as a device's monotonic counter shows them. */
  readonly monotonicUs = (): bigint => BigInt(Math.round((this.#nowMs - this.#startMs) * 1000));

  date(): Date {
    return new Date(this.#nowMs);
  }

  /** Resolves when the clock has been moved past `milliseconds` from now. */
  readonly sleep = (milliseconds: number): Promise<void> => {
    return new Promise((wake) => {
      this.#sleepers.push({ wakesAtMs: this.#nowMs + milliseconds, wake });
    });
  };

  /**
   * Moves the clock forward. Sleepers wake in the order of their times, each seeing the time it asked for, and may
   * sleep again within the same step.
   */
  async advance(milliseconds: number): Promise<void> {
    if (milliseconds < 0) throw new RangeError('a clock never moves backwards');
    const endMs = this.#nowMs + milliseconds;
    for (;;) {
      // Wakers run as microtasks: what they start must be registered before the next sleeper is chosen.
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#sleepers
        .filter((sleeper) => sleeper.wakesAtMs <= endMs)
        .reduce<Sleeper | undefined>(
          (best, sleeper) => (best === undefined || sleeper.wakesAtMs < best.wakesAtMs ? sleeper : best),
          undefined,
        );
      if (next === undefined) break;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#nowMs = next.wakesAtMs;
      next.wake();
    }
    this.#nowMs = endMs;
  }
}
