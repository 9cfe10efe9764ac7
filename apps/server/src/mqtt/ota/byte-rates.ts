/**
 * Bytes per second of chunks for each project with a limit, over all its devices. A chunk that is due later waits; one that
 * nobody waits for any more gives its bytes back.
 */
export class ByteRates {
  private readonly buckets = new Map<string, { level: number; atMs: number }>();

  /** Takes the bytes. @returns ms to wait before they may go out */
  take(projectId: string, bytesPerSecond: number, bytes: number, nowMs: number): number {
    // A tenth of a second in one go; a chunk larger than that waits for itself.
    const size = bytesPerSecond / 10;
    const bucket = this.buckets.get(projectId) ?? { level: size, atMs: nowMs };
    bucket.level = Math.min(size, bucket.level + ((nowMs - bucket.atMs) * bytesPerSecond) / 1_000) - bytes;
    bucket.atMs = nowMs;
    this.buckets.set(projectId, bucket);
    return bucket.level >= 0 ? 0 : Math.ceil((-bucket.level * 1_000) / bytesPerSecond);
  }

  giveBack(projectId: string, bytes: number): void {
    const bucket = this.buckets.get(projectId);
    if (bucket) bucket.level += bytes;
  }
}
