// Quantiles of many waits in little memory: counts in steps of .25 ms.
const STEP_MS = 0.25;
const MAX_MS = 120_000;

export class Latencies {
  counts = new Uint32Array(MAX_MS / STEP_MS + 1);
  n = 0;

  add(ms) {
    this.counts[Math.min(Math.max(Math.ceil(ms / STEP_MS), 0), this.counts.length - 1)]++;
    this.n++;
  }

  /** Upper edge of the step that holds it. */
  quantile(p) {
    let left = Math.ceil(p * this.n);
    for (let i = 0; i < this.counts.length; i++) if ((left -= this.counts[i]) <= 0) return i * STEP_MS;
    return MAX_MS;
  }

  summary() {
    return { p50: this.quantile(0.5), p99: this.quantile(0.99), max: this.quantile(1) };
  }
}
