/**
 * Adds up what a device says of its shadow runs. It counts from its last start, and its reports come at least once and, by
 * two edges, out of order: each is merged into what is known of its own start, so that the sums are the same in any order.
 */

/** As one report has them: sums since the start of the device, or of the shadow where that began anew. */
export interface ShadowCounters {
  readonly runs: number;
  readonly agreed: number;
  readonly skipped: number;
  /** classes x classes, class of the active model first; null: no room for it, or nothing to tell. */
  readonly disagreed: readonly number[] | null;
}

/** The last report of one start. */
export interface ShadowBoot extends ShadowCounters {
  /** Decimal, two's complement. */
  readonly bootId: string;
  readonly sequence: number;
}

/** Over all starts, and the starts of which a report may still come. */
export interface ShadowSums extends ShadowCounters {
  readonly boots: readonly ShadowBoot[];
}

/** A report that comes after so many later starts would count anew. */
export const rememberedBoots = 4;

export const noShadowRuns: ShadowSums = { runs: 0, agreed: 0, skipped: 0, disagreed: null, boots: [] };

/** The same sums when the report says nothing new. */
export function addShadowReport(sums: ShadowSums, report: ShadowBoot): ShadowSums {
  const known = sums.boots.find(({ bootId }) => bootId === report.bootId);
  if (known && report.sequence <= known.sequence) return sums;
  // Fewer runs than before by the same start: the shadow began anew.
  const before = known && report.runs >= known.runs ? known : undefined;
  // Sums of a matrix that changes its size mean nothing.
  const matrix = isLike(report.disagreed, sums.disagreed) ? report.disagreed : null;
  const last: ShadowBoot = {
    ...report,
    // A message that had no room for the matrix takes none away.
    disagreed: matrix ?? before?.disagreed ?? null,
  };
  const others = sums.boots.filter(({ bootId }) => bootId !== report.bootId);
  return {
    runs: sums.runs + report.runs - (before?.runs ?? 0),
    agreed: sums.agreed + Math.max(0, report.agreed - (before?.agreed ?? 0)),
    skipped: sums.skipped + Math.max(0, report.skipped - (before?.skipped ?? 0)),
    disagreed: matrix ? added(sums.disagreed, matrix, before?.disagreed ?? null) : sums.disagreed,
    boots: [...others, last].slice(-rememberedBoots),
  };
}

const isLike = (cells: readonly number[] | null, sums: readonly number[] | null): boolean =>
  cells === null || sums === null || cells.length === sums.length;

const added = (
  sums: readonly number[] | null,
  cells: readonly number[],
  before: readonly number[] | null,
): number[] => cells.map((n, i) => (sums?.[i] ?? 0) + Math.max(0, n - (before?.[i] ?? 0)));
