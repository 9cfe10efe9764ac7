/** What labels say: accuracy, recall and precision by class, confusion, calibration, and the area under the ROC curve of two classes. */
import type { Resource } from '@tinyfleet/contracts';
import { aucOfCells, scoreOfSecond } from './label-free/auc.js';
import type { ConfusionCell, LabelledCell } from './ports.js';
import { wilsonInterval } from './wilson.js';

const BINS = 16;

/**
 * @param confusion of the classes with the most labels, as many as `confusionClasses`; of the others in sum
 * A model of more classes than that answers for those alone that have labels: the matrix grows with their square.
 */
export function labelledQuality(
  names: readonly string[],
  cells: readonly LabelledCell[],
  { confusion, confusionClasses }: { confusion: readonly ConfusionCell[]; confusionClasses: number },
): Omit<Resource<'LabelledQuality'>, 'release' | 'asked'> {
  const known = new Set(confusion.flatMap(({ label, predicted }) => [label, predicted]));
  const hasOthers = known.delete(null);
  const seen = [...known].filter((one) => one !== null).sort((a, b) => a - b);
  const count = Math.max(names.length, (seen.at(-1) ?? -1) + 1);
  const listed = count <= confusionClasses && !hasOthers ? Array.from({ length: count }, (_, i) => i) : seen;
  const placeOf = new Map(listed.map((one, i) => [one, i]));
  const matrix = listed.map(() => new Array<number>(listed.length).fill(0));
  const [byLabel, byPredicted] = [listed.map(() => 0), listed.map(() => 0)];
  for (const { label, predicted, n } of confusion) {
    const row = label === null ? undefined : placeOf.get(label);
    const column = predicted === null ? undefined : placeOf.get(predicted);
    if (row !== undefined) byLabel[row]! += n;
    if (column !== undefined) byPredicted[column]! += n;
    if (row !== undefined && column !== undefined) matrix[row]![column]! += n;
  }
  const bins = Array.from({ length: BINS }, () => ({ n: 0, correct: 0 }));
  for (const { bin, n, correct } of cells) {
    bins[bin]!.n += n;
    bins[bin]!.correct += correct;
  }
  const all = { n: sum(bins.map(({ n }) => n)), correct: sum(bins.map(({ correct }) => correct)) };
  const off = bins.map(({ n, correct }, i) => Math.abs(n * ((i + 0.5) / BINS) - correct));
  const auc =
    count === 2
      ? aucOfCells(
          cells.map(({ predicted, bin, n, correct }) => {
            const positive = predicted === 1 ? correct : n - correct;
            return { score: scoreOfSecond(predicted, bin, BINS), positive, negative: n - positive };
          }),
        )
      : NaN;
  return {
    classes: listed.map((one) => names[one] ?? `class ${one}`),
    otherClasses: Math.max(count - listed.length, hasOthers ? 1 : 0),
    accuracy: share(all.correct, all.n),
    confusion: matrix,
    recall: matrix.map((row, i) => share(row[i]!, byLabel[i]!)),
    precision: matrix.map((row, i) => share(row[i]!, byPredicted[i]!)),
    calibration: bins.map(({ n, correct }, i) => ({ confidence: (i + 0.5) / BINS, ...share(correct, n) })),
    calibrationError: all.n > 0 ? sum(off) / all.n : null,
    auc: Number.isFinite(auc) ? auc : null,
  };
}

const share = (correct: number, n: number) => ({
  n,
  correct,
  value: n > 0 ? correct / n : 0,
  ...wilsonInterval(correct, n),
});
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
