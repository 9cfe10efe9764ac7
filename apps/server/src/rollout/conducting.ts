/** Turns of the conductor: soon after an event, at the latest after a second, and only while this process leads. */
import type { Conductor } from '@tinyfleet/rollouts';
import type { Leader } from '@tinyfleet/storage';

export interface ConductingOptions {
  readonly pollMs: number;
  /** Events of many devices are gathered this long. */
  readonly gatherMs: number;
}
export const conductingDefaults: ConductingOptions = { pollMs: 1_000, gatherMs: 100 };

export class Conducting {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private due: number = Infinity;
  private stopped = false;

  constructor(
    private readonly leader: Leader,
    private readonly conductor: Conductor,
    private readonly onError: (error: unknown) => void,
    private readonly options: ConductingOptions = conductingDefaults,
  ) {}

  start(): void {
    this.schedule(0);
  }

  wake(): void {
    this.schedule(this.options.gatherMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.leader.resign();
  }

  private schedule(afterMs: number): void {
    const due = performance.now() + afterMs;
    if (this.stopped || this.running || due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.due = Infinity;
      this.running = this.turn().finally(() => {
        this.running = undefined;
        this.schedule(this.again ? 0 : this.options.pollMs);
      });
    }, afterMs);
  }

  private again = false;

  private async turn(): Promise<void> {
    this.again = false;
    try {
      if (await this.leader.tryLead()) this.again = await this.conductor.turn();
    } catch (error) {
      this.onError(error);
    }
  }
}
