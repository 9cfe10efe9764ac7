/** When a device was connected, from rows that are written when a connection begins and, where somebody is there to see it, ends. */

/** Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}
export interface StoredConnection {
  readonly beganAtMs: number;
  /** Null: nobody wrote its end. */
  readonly endedAtMs: number | null;
}

/**
 * Connections as spans within a range, the oldest first. One whose end nobody wrote ends with the outage of the edge in it, with the
 * next connection, or when the device was last heard of; if it is connected, it goes on.
 * @param stored in any order
 * @param outages times in which the edge did not run
 */
export function connectionSpans(
  stored: readonly StoredConnection[],
  range: Span,
  now: {
    readonly outages: readonly Span[];
    readonly isConnected: boolean;
    readonly lastContactMs: number | null;
  },
): Span[] {
  const rows = [...stored].sort((a, b) => a.beganAtMs - b.beganAtMs);
  return rows.flatMap(({ beganAtMs, endedAtMs }, i) => {
    const next = rows[i + 1]?.beganAtMs;
    const cut = now.outages.find(({ fromMs }) => fromMs > beganAtMs)?.fromMs ?? Infinity;
    const lastHeard = now.isConnected ? range.toMs : Math.max(beganAtMs, now.lastContactMs ?? beganAtMs);
    const end = Math.min(endedAtMs ?? Math.min(next ?? lastHeard, cut), next ?? Infinity, range.toMs);
    const span = { fromMs: Math.max(beganAtMs, range.fromMs), toMs: end };
    return span.toMs < span.fromMs || end <= range.fromMs ? [] : [span];
  });
}
