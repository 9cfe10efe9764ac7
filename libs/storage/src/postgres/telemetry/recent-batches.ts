/**
 * Windows of batches that this process has just committed, as the bytes that were sent, for the fold that follows within a second:
 * it need not read them back. A cache only: what is not here is read from the table.
 */
const maxBytes = 96 * 2 ** 20;

export class RecentBatches {
  private readonly batches = new Map<string, readonly Buffer[]>();
  private held = 0;

  /** Only batches whose every window was new: duplicates were counted before. */
  keep(batchId: string, parts: readonly Buffer[]): void {
    this.batches.set(batchId, parts);
    this.held += bytesOf(parts);
    for (const oldest of this.batches.keys()) {
      if (this.held <= maxBytes) break;
      this.drop([oldest]);
    }
  }

  get(batchId: string): readonly Buffer[] | undefined {
    return this.batches.get(batchId);
  }

  drop(batchIds: readonly string[]): void {
    for (const id of batchIds) {
      this.held -= bytesOf(this.batches.get(id) ?? []);
      this.batches.delete(id);
    }
  }
}

const bytesOf = (parts: readonly Buffer[]): number => parts.reduce((sum, { length }) => sum + length, 0);
