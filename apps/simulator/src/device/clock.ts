// A device's clock: microseconds since boot, either real time or driven by hand (history). It never goes back:
// when a driven clock is let go, it runs on in real time from where it was.

export class DeviceClock {
  private driven: number | null = null;
  private baseUs: number;

  constructor(private readonly hostMs: () => number = () => performance.now()) {
    this.baseUs = hostMs() * 1_000;
  }

  /** Whole microseconds since boot. */
  nowUs(): number {
    return this.driven ?? Math.floor(this.hostMs() * 1_000 - this.baseUs);
  }

  /** Boot: the clock starts from 0, in real time. */
  restart(): void {
    this.driven = null;
    this.baseUs = this.hostMs() * 1_000;
  }

  /** Takes the clock into the caller's hand, at its present time or later. */
  driveTo(us: number): void {
    this.driven = Math.floor(Math.max(us, this.nowUs()));
  }

  get isDriven(): boolean {
    return this.driven !== null;
  }

  /** Lets a driven clock run on in real time. */
  release(): void {
    if (this.driven === null) return;
    this.baseUs = this.hostMs() * 1_000 - this.driven;
    this.driven = null;
  }
}
