/**
 * The clock of a made-up world: `Date.now`, `performance.now` and the timers of the test's own realm follow it, so that server,
 * devices and wires in this process live in the same hours. Sockets, the database's own process and immediates stay real. Time
 * moves only by `advance`, and by a microsecond whenever a device looks: one that always wants to go on stops nobody else.
 */
import { VirtualTime } from '@tinyfleet/simulator';

const real = {
  now: Date.now,
  performance: globalThis.performance,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
};
const LOOK_MS = 0.001;

/** What code does with a timer of Node. */
class Timer {
  isCancelled = false;
  constructor(readonly again: () => void) {}
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  refresh(): this {
    this.again();
    return this;
  }
  close(): this {
    this.isCancelled = true;
    return this;
  }
}

export class VirtualClock {
  private readonly time = new VirtualTime();
  private lookedAt = 0;
  /** Timers made so far: who makes one has done something. */
  timersMade = 0;
  /** What somebody has put the wall clock of the server forward by; monotonic clocks know nothing of it. */
  wallJumpMs = 0;

  /** @param pollMs an interval that is shorter is this long: polls catch what no event told, and nobody waits for them here */
  constructor(
    private readonly startMs: number,
    private readonly pollMs: number,
  ) {}

  /** Milliseconds since the start; never goes back. */
  get elapsedMs(): number {
    return Math.max(this.time.nowMs, this.lookedAt);
  }

  /** Unix milliseconds on the wall of the world; a jump of the server's clock is not in it. */
  get worldMs(): number {
    return this.startMs + this.elapsedMs;
  }

  get serverMs(): number {
    return Math.floor(this.worldMs + this.wallJumpMs);
  }

  /** As a device's counter sees it. */
  readonly look = (): number => {
    this.lookedAt = this.elapsedMs + LOOK_MS;
    return this.lookedAt;
  };

  install(): void {
    Date.now = () => this.serverMs;
    // Jest's own stays as it is.
    Object.defineProperty(globalThis, 'performance', {
      configurable: true,
      value: { now: () => this.elapsedMs, timeOrigin: this.startMs },
    });
    const after = (act: () => void, ms: number): Timer => {
      let due = 0;
      const plan = (): void => {
        const mine = ++due;
        this.timersMade++;
        this.time.at(this.elapsedMs + Math.max(ms, 0), () => {
          if (!timer.isCancelled && mine === due) act();
        });
      };
      const timer = new Timer(plan);
      plan();
      return timer;
    };
    const clear = (timer: unknown): void => {
      if (timer instanceof Timer) timer.close();
      else real.clearTimeout(timer as NodeJS.Timeout);
    };
    Object.assign(globalThis, {
      setTimeout: (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        after(() => act(...args), ms),
      setInterval: (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const timer: Timer = after(
          () => {
            timer.refresh();
            act(...args);
          },
          Math.max(ms, this.pollMs),
        );
        return timer;
      },
      clearTimeout: clear,
      clearInterval: clear,
    });
  }

  uninstall(): void {
    const { now, performance, ...timers } = real;
    Date.now = now;
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: performance });
    Object.assign(globalThis, timers);
  }

  /** To the next event, `limitMs` at most, and runs it. */
  advance(limitMs: number): void {
    this.time.run(Math.min(Math.max(this.time.nextMs, this.elapsedMs), limitMs), () => true);
  }
}

/** Real milliseconds, whatever the clock of the world says. */
export const realSleep = (ms: number): Promise<void> =>
  new Promise((resolve) => void real.setTimeout(resolve, ms));
export const realNow = (): number => real.performance.now();
export const realImmediate = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
