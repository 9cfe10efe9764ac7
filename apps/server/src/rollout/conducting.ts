/**
 * Turns of the conductor, only while this process leads: milliseconds after something was committed, and when a clock is
 * due. A turn that takes long is followed by a pause as long, at most that of a poll, so that a big fleet cannot make it spin.
 */
import type { Conductor } from '@tinyfleet/rollouts';
import type { Leader } from '@tinyfleet/storage';

export interface ConductingOptions {
  /** Without events, and while another process leads. */
  readonly pollMs: number;
  /** Events of many devices are gathered this long. */
  readonly gatherMs: number;
  /** A turn that takes longer goes on by itself, and the next one does not wait for it. */
  readonly patienceMs?: number;
}
export const conductingDefaults: ConductingOptions = { pollMs: 1_000, gatherMs: 10, patienceMs: 100 };

export class Conducting {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private due: number = Infinity;
  private woken = false;
  private notBefore = 0;
  private stopped = false;

  constructor(
    private readonly leader: Leader,
    private readonly conductor: Conductor,
    private readonly onError: (error: unknown) => void,
    private readonly options: ConductingOptions = conductingDefaults,
  ) {
    conductor.onLate = () => this.wake();
  }

  start(): void {
    this.schedule(0);
  }

  wake(): void {
    if (this.running) this.woken = true;
    else this.schedule(this.options.gatherMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.conductor.rest();
    await this.leader.resign();
  }

  private schedule(afterMs: number): void {
    const due = Math.max(performance.now() + afterMs, this.notBefore);
    if (this.stopped || this.running || due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.due = Infinity;
      this.running = this.turn().then((nextMs) => {
        this.running = undefined;
        const { gatherMs, pollMs } = this.options;
        this.schedule(this.woken ? gatherMs : Math.min(nextMs, pollMs));
        this.woken = false;
      });
    }, due - performance.now());
  }

  private async turn(): Promise<number> {
    const began = performance.now();
    try {
      if (!(await this.leader.tryLead())) return this.options.pollMs;
      const next = await this.conductor.turn(this.options.patienceMs);
      const now = performance.now();
      if (next > 0) this.notBefore = now + Math.min(now - began, this.options.pollMs);
      return next;
    } catch (error) {
      this.onError(error);
      return this.options.pollMs;
    }
  }
}
