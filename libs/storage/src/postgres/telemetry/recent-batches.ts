/**
 * Windows of batches that this process has just committed, as the bytes that were sent, for the fold that follows within a second:
 * it need not read them back. A cache only: what is not here is read from the table.
 */
/** Some ten seconds of the most that two cores take: a fold that has to read what it had falls ever further behind. */
const maxBytes = 192 * 2 ** 20;
/** Batches that may be told of after they were folded. */
const maxLate = 4_096;

/** Emptied when it goes: a Map that was made anew leaves its old table, which may live on among old objects and keep what it held. */
interface Held {
  parts: readonly Buffer[];
}

export class RecentBatches {
  private readonly batches = new Map<string, Held>();
  private held = 0;
  /** Folded before they were kept: whoever commits says so a moment after the fold can see it. */
  private readonly late = new Set<string>();

  /** Only batches whose every window was new: duplicates were counted before. */
  keep(batchId: string, parts: readonly Buffer[]): void {
    if (this.late.delete(batchId)) return;
    this.batches.set(batchId, { parts });
    this.held += bytesOf(parts);
    for (const oldest of this.batches.keys()) {
      if (this.held <= maxBytes) break;
      this.drop([oldest]);
    }
  }

  get(batchId: string): readonly Buffer[] | undefined {
    return this.batches.get(batchId)?.parts;
  }

  drop(batchIds: readonly string[]): void {
    for (const id of batchIds) {
      const held = this.batches.get(id);
      if (held === undefined) {
        this.late.add(id);
        continue;
      }
      this.batches.delete(id);
      this.held -= bytesOf(held.parts);
      held.parts = [];
    }
    for (const oldest of this.late) {
      if (this.late.size <= maxLate) break;
      this.late.delete(oldest);
    }
  }
}

const bytesOf = (parts: readonly Buffer[]): number => parts.reduce((sum, { length }) => sum + length, 0);
