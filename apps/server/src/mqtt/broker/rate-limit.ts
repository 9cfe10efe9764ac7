/** Token bucket over a caller's monotonic clock. One per connection; two numbers of state. */
export class RateLimit {
  private tokens: number;
  private at: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    nowMs: number,
  ) {
    this.tokens = burst;
    this.at = nowMs;
  }

  /** Whether the next one would be above the rate. */
  isEmpty(nowMs: number): boolean {
    return Math.min(this.burst, this.tokens + ((nowMs - this.at) * this.perSecond) / 1_000) < 1;
  }

  /** Takes one token, or as many as it costs. False: the caller is above the rate. */
  take(nowMs: number, cost = 1): boolean {
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.at) * this.perSecond) / 1_000);
    this.at = nowMs;
    if (this.tokens < cost) return false;
    this.tokens -= cost;
    return true;
  }
}
