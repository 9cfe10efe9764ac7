/**
 * Closes the connections whose messages could not be taken, so many a second: a fleet that is sent away at once comes back at
 * once. All messages of one connection go with it.
 */
interface Closable {
  readonly closed: boolean;
}
type Done = (error?: Error) => void;

const stepMs = 50;

export class Closings {
  private readonly waiting = new Map<Closable, { readonly error: Error; readonly done: Done[] }>();
  private timer: NodeJS.Timeout | undefined;
  /** Connections that may be closed now. */
  private credit = 0;

  constructor(private readonly perSecond: number) {}

  /** Connections that wait to be closed. */
  get size(): number {
    return this.waiting.size;
  }

  /** `done` closes the connection when it is called with the error. */
  add(session: Closable, error: Error, done: Done): void {
    const known = this.waiting.get(session);
    if (known) known.done.push(done);
    else this.waiting.set(session, { error, done: [done] });
    this.timer ??= setInterval(() => this.step(), stepMs);
  }

  /** Everything at once: the process ends. */
  flush(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const session of [...this.waiting.keys()]) this.close(session);
  }

  private step(): void {
    const perStep = (this.perSecond * stepMs) / 1_000;
    this.credit = Math.min(this.credit + perStep, Math.max(perStep, 1));
    for (const session of [...this.waiting.keys()]) {
      if (!session.closed) {
        if (this.credit < 1) continue;
        this.credit--;
      }
      this.close(session);
    }
    if (this.waiting.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private close(session: Closable): void {
    const { error, done } = this.waiting.get(session)!;
    this.waiting.delete(session);
    for (const one of done) one(error);
  }
}
