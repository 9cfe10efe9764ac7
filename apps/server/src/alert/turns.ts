/** Turns of something that is looked after: when it is woken and at least every `pollMs`, never two at once. */
export class Turns {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private woken = false;
  private stopped = false;

  constructor(
    /** Answers whether another is wanted at once. */
    private readonly turn: () => Promise<boolean>,
    private readonly pollMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.schedule(0);
  }

  wake(): void {
    if (this.running) this.woken = true;
    else this.schedule(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(afterMs: number): void {
    if (this.stopped || this.running) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.running = this.once().then((again) => {
        this.running = undefined;
        this.schedule(again || this.woken ? 0 : this.pollMs);
        this.woken = false;
      });
    }, afterMs);
  }

  private async once(): Promise<boolean> {
    try {
      return await this.turn();
    } catch (error) {
      this.onError(error);
      // What failed at once would fail at once again.
      this.woken = false;
      return false;
    }
  }
}
