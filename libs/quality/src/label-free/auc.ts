/**
 * Area under the ROC curve of a model of two classes, from what a window has: predicted class and bin of confidence. The score of the
 * second class is the confidence where it was predicted and one less the confidence elsewhere; what lies in one bin is tied, and ties
 * count half. Sixteen bins lose little, eight more.
 */
export interface RankedCell {
  readonly score: number;
  readonly positive: number;
  readonly negative: number;
}

/** NaN without both kinds. */
export function aucOfCells(cells: readonly RankedCell[]): number {
  const sorted = cells.filter((one) => one.positive + one.negative > 0).sort((a, b) => a.score - b.score);
  let [wins, below, positives, negatives] = [0, 0, 0, 0];
  for (let start = 0; start < sorted.length;) {
    let [p, q, end] = [0, 0, start];
    for (; end < sorted.length && sorted[end]!.score === sorted[start]!.score; end++) {
      p += sorted[end]!.positive;
      q += sorted[end]!.negative;
    }
    wins += p * (below + q / 2);
    below += q;
    positives += p;
    negatives += q;
    start = end;
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : NaN;
}

/** Of a cell: its score. */
export function scoreOfSecond(predicted: number, bin: number, bins: number): number {
  const confidence = (bin + 0.5) / bins;
  return predicted === 1 ? confidence : 1 - confidence;
}

/** Expected, from the chance of each cell to be right. @param counts class-major, two classes */
export function expectedAucOfHistogram(
  map: { readonly bins: number; readonly chance: ArrayLike<number> },
  counts: ArrayLike<number>,
): number {
  return aucOfCells(
    Array.from({ length: counts.length }, (_, cell) => {
      const predicted = Math.floor(cell / map.bins);
      const second = predicted === 1 ? map.chance[cell]! : 1 - map.chance[cell]!;
      const n = counts[cell]!;
      const score = scoreOfSecond(predicted, cell % map.bins, map.bins);
      return { score, positive: n * second, negative: n * (1 - second) };
    }),
  );
}
