/** A cell that runs down evenly, and faster while something drains it. It is never charged. Times in unix ms. */
const DAY_MS = 86_400_000;

export class Battery {
  private percent: number;
  private readonly percentPerDay: number;

  constructor(
    { startPercent, percentPerDay }: { readonly startPercent: number; readonly percentPerDay: number },
    private lookedMs: number,
  ) {
    this.percent = startPercent;
    this.percentPerDay = percentPerDay;
  }

  /** Whole percent, 0..100. `extraPerDay` counts since it was asked last. */
  percentAt(nowMs: number, extraPerDay: number): number {
    const days = Math.max(0, nowMs - this.lookedMs) / DAY_MS;
    this.lookedMs = Math.max(this.lookedMs, nowMs);
    this.percent = Math.max(0, this.percent - days * (this.percentPerDay + extraPerDay));
    return Math.round(this.percent);
  }
}
