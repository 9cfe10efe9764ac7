/** A watch as queries/quality/watches.sql has it. */
import type { WatchFrame, WatchReference, WatchRow } from '@tinyfleet/quality';

export interface StoredWatch extends Omit<WatchRow, 'frame' | 'reference'>, WatchFrame {
  readonly reference: WatchReference;
  readonly names: readonly string[] | null;
}

/** Names are those of the newest build, so that a watch that began before they were kept has them, too. */
export function toWatchRow(stored: StoredWatch): WatchRow {
  const { fromMs, roundMs, healthyRounds, watermark, season, conditionBy, names, reference, ...row } = stored;
  const isNamed = names?.length === reference.features.length;
  return {
    ...row,
    frame: { fromMs, roundMs, healthyRounds, watermark, season, conditionBy },
    reference: isNamed ? { ...reference, names } : reference,
  };
}
