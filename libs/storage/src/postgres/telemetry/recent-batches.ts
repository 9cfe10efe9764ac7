/**
 * Rows of batches that this process has just committed, for the fold that follows within a second: it need not read
 * them back. A cache only: what is not here is read from the table.
 */
import type { WindowRow } from '@tinyfleet/telemetry';

const maxRows = 200_000;

export class RecentBatches {
  private readonly batches = new Map<string, readonly WindowRow[]>();
  private held = 0;

  /** Only batches whose every row was new: duplicates were counted before. */
  keep(batchId: string, rows: readonly WindowRow[]): void {
    this.batches.set(batchId, rows);
    this.held += rows.length;
    for (const [oldest, { length }] of this.batches) {
      if (this.held <= maxRows) break;
      this.batches.delete(oldest);
      this.held -= length;
    }
  }

  get(batchId: string): readonly WindowRow[] | undefined {
    return this.batches.get(batchId);
  }

  drop(batchIds: readonly string[]): void {
    for (const id of batchIds) {
      this.held -= this.batches.get(id)?.length ?? 0;
      this.batches.delete(id);
    }
  }
}
