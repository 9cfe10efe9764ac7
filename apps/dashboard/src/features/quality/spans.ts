/** Buckets in a row as spans of time, for what is drawn between two moments. */

export interface Span {
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
}

/** @param ats starts of buckets, ISO; @param bucketSeconds their length */
export function spansOf(ats: readonly string[], bucketSeconds: number): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const from of ats.map((at) => Date.parse(at) / 1_000).sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && from <= last.to) last.to = from + bucketSeconds;
    else spans.push({ from, to: from + bucketSeconds });
  }
  return spans;
}
