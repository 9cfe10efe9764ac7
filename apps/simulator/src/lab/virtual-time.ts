/** A clock that jumps from event to event: days of a fleet in seconds, the same every time. Milliseconds, from 0. */
interface Event {
  readonly atMs: number;
  /** Ties run in the order they were made. */
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  private readonly heap: Event[] = [];
  private nowAt = 0;
  private made = 0;

  get nowMs(): number {
    return this.nowAt;
  }

  /** When the next event is due; Infinity without one. */
  get nextMs(): number {
    return this.heap[0]?.atMs ?? Infinity;
  }

  at(ms: number, run: () => void): void {
    this.heap.push({ atMs: Math.max(ms, this.nowAt), order: this.made++, run });
    let i = this.heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(this.heap[i]!, this.heap[parent]!)) return;
      this.swap(i, parent);
      i = parent;
    }
  }

  after(ms: number, run: () => void): void {
    this.at(this.nowAt + ms, run);
  }

  /** Runs events up to `ms`, or until `done` holds after one; then it is that time. */
  run(ms: number, done: () => boolean = () => false): void {
    for (let head = this.heap[0]; head !== undefined && head.atMs <= ms; head = this.heap[0]) {
      this.pop();
      this.nowAt = head.atMs;
      head.run();
      if (done()) return;
    }
    this.nowAt = Math.max(this.nowAt, ms);
  }

  private pop(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      if (left >= this.heap.length) return;
      const right = left + 1;
      const least = right < this.heap.length && before(this.heap[right]!, this.heap[left]!) ? right : left;
      if (!before(this.heap[least]!, this.heap[i]!)) return;
      this.swap(i, least);
      i = least;
    }
  }

  private swap(a: number, b: number): void {
    const event = this.heap[a]!;
    this.heap[a] = this.heap[b]!;
    this.heap[b] = event;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
