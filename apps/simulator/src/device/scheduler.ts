// Decides which device is stepped when: those whose time has come, and those whose socket has news from then on, who waits longest
// first: however busy the process is, no device starves and takes what is late for lost. Slices are short enough that sockets
// and timers are served between them. Idle devices cost nothing.
import type { SimulatedDevice } from './device.js';

export interface Schedulable {
  readonly clock: { nowUs(): number; readonly isDriven: boolean };
  dueUs: number;
  step(): void;
}

interface Entry<D> {
  readonly device: D;
  /** Host milliseconds at which it is due. */
  at: number;
  /** Position in the heap, -1 when not in it. */
  place: number;
  /** Had news while it was not in the heap: in its own step, or while its clock was driven. */
  isWoken: boolean;
}

/** Longest slice of stepping before the event loop runs again, ms. */
const SLICE_MS = 8;

export interface SchedulerOptions<D> {
  /** Called after each step; here reboots are carried out. */
  readonly afterStep?: (device: D) => void;
  readonly hostMs?: () => number;
}

export class Scheduler<D extends Schedulable = SimulatedDevice> {
  private readonly entries = new Map<D, Entry<D>>();
  private readonly heap: Entry<D>[] = [];
  private timer: NodeJS.Timeout | null = null;
  private immediate: NodeJS.Immediate | null = null;
  private running = false;
  private readonly hostMs: () => number;
  /** Set by whoever builds device and scheduler in one go. */
  afterStep: (device: D) => void;
  readonly stats = { steps: 0, busyMs: 0 };

  constructor(options: SchedulerOptions<D> = {}) {
    this.hostMs = options.hostMs ?? (() => performance.now());
    this.afterStep = options.afterStep ?? (() => undefined);
  }

  get size(): number {
    return this.entries.size;
  }

  add(device: D): void {
    if (this.entries.has(device)) return;
    const entry: Entry<D> = { device, at: 0, place: -1, isWoken: false };
    this.entries.set(device, entry);
    this.plan(entry);
    this.arm();
  }

  remove(device: D): void {
    const entry = this.entries.get(device);
    if (entry === undefined) return;
    this.entries.delete(device);
    this.unplan(entry);
  }

  /** The device's stream has news: it is due now. A driven device is stepped by whoever drives it. */
  wake(device: D): void {
    const entry = this.entries.get(device);
    if (entry === undefined) return;
    if (entry.place < 0) {
      entry.isWoken = true;
      return;
    }
    const now = this.hostMs();
    if (entry.at <= now) return;
    entry.at = now;
    this.up(entry);
    this.arm();
  }

  /** The device's dueUs or clock changed outside a step. */
  replan(device: D): void {
    const entry = this.entries.get(device);
    if (entry === undefined) return;
    this.unplan(entry);
    this.plan(entry);
    this.arm();
  }

  start(): void {
    this.running = true;
    this.arm();
  }

  stop(): void {
    this.running = false;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.immediate !== null) clearImmediate(this.immediate);
    this.timer = this.immediate = null;
  }

  private slice(): void {
    const start = this.hostMs();
    const end = start + SLICE_MS;
    let now = start;
    for (let head = this.heap[0]; head !== undefined && head.at <= now && now < end; head = this.heap[0]) {
      this.stepEntry(head);
      now = this.hostMs();
    }
    this.stats.busyMs += now - start;
    this.arm();
  }

  private stepEntry(entry: Entry<D>): void {
    this.unplan(entry);
    entry.device.step();
    this.stats.steps++;
    this.afterStep(entry.device);
    if (this.entries.get(entry.device) !== entry) return;
    this.unplan(entry);
    this.plan(entry);
  }

  private arm(): void {
    if (!this.running || this.immediate !== null) return;
    const head = this.heap[0];
    if (head === undefined) return;
    const waitMs = head.at - this.hostMs();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (waitMs <= 0) {
      this.immediate = setImmediate(() => {
        this.immediate = null;
        this.slice();
      });
      return;
    }
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.slice();
      },
      Math.min(waitMs, 60_000),
    );
  }

  // A binary heap by due time.

  private plan(entry: Entry<D>): void {
    const { device } = entry;
    // A driven device is stepped by whoever drives it.
    if (device.clock.isDriven) return;
    const inMs = entry.isWoken ? 0 : (device.dueUs - device.clock.nowUs()) / 1_000;
    entry.isWoken = false;
    entry.at = this.hostMs() + Math.max(0, inMs);
    entry.place = this.heap.length;
    this.heap.push(entry);
    this.up(entry);
  }

  private unplan(entry: Entry<D>): void {
    if (entry.place < 0) return;
    const last = this.heap.pop()!;
    if (last !== entry) {
      last.place = entry.place;
      this.heap[last.place] = last;
      this.up(last);
      this.down(last);
    }
    entry.place = -1;
  }

  private up(entry: Entry<D>): void {
    while (entry.place > 0) {
      const parent = this.heap[(entry.place - 1) >> 1]!;
      if (parent.at <= entry.at) return;
      this.swap(entry, parent);
    }
  }

  private down(entry: Entry<D>): void {
    for (;;) {
      const left = this.heap[2 * entry.place + 1];
      const right = this.heap[2 * entry.place + 2];
      const least = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (least === undefined || entry.at <= least.at) return;
      this.swap(least, entry);
    }
  }

  private swap(a: Entry<D>, b: Entry<D>): void {
    const place = a.place;
    a.place = b.place;
    b.place = place;
    this.heap[a.place] = a;
    this.heap[b.place] = b;
  }
}
