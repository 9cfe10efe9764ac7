/**
 * Serves many endpoints, each in a lane of its own, so that one that is slow or dead holds up no other. Only a process that leads
 * does. A lane is served round by round, with what its endpoint is by then, while there is more for it.
 */
export interface LaneOptions<Endpoint> {
  readonly lead: () => Promise<boolean>;
  /** Endpoints to be served, at most `room`, without those that are `busy`. */
  readonly find: (busy: readonly string[], room: number) => Promise<readonly Endpoint[]>;
  /** One round; answers whether there may be more at once. */
  readonly serve: (endpoint: Endpoint) => Promise<boolean>;
  /** Endpoints that are served at a time. Default: all. */
  readonly most?: number;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

export class Lanes<Endpoint extends { readonly id: string }> {
  private readonly busy = new Map<string, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(private readonly options: LaneOptions<Endpoint>) {}

  start(): void {
    this.timer = setInterval(() => this.wake(), this.options.pollMs);
    this.wake();
  }

  /** There may be something to serve. */
  wake(): void {
    if (this.stopped) return;
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = this.look().finally(() => {
      this.looking = undefined;
      if (!this.again) return;
      this.again = false;
      this.wake();
    });
  }

  /** Waits for the rounds that have begun. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.looking;
    await Promise.all(this.busy.values());
  }

  private async look(): Promise<void> {
    try {
      const { lead, find, most = Infinity } = this.options;
      const room = most - this.busy.size;
      if (room <= 0 || !(await lead())) return;
      for (const endpoint of await find([...this.busy.keys()], room)) {
        if (this.stopped) return;
        if (this.busy.has(endpoint.id)) continue;
        this.busy.set(endpoint.id, this.serve(endpoint));
      }
    } catch (error) {
      this.options.onError(error);
    }
  }

  private async serve(endpoint: Endpoint): Promise<void> {
    const isFull = this.busy.size + 1 >= (this.options.most ?? Infinity);
    let more = false;
    try {
      more = await this.options.serve(endpoint);
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.busy.delete(endpoint.id);
      // Others may have waited for its lane.
      if (more || isFull) this.wake();
    }
  }
}
