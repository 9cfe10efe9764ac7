/**
 * Sums of each device's difference from the control of its own type and site in the same clock hour. Everything that
 * both sides share (the hour of the day, the weather at a site, an outage) is gone before devices are compared, and
 * what remains merges by addition: an hour is added once, whatever has been judged since.
 *
 *   r = x - c      x: the device's mean of the hour, c: the control's mean of that type, site and hour
 *   r = x/c - 1    for metrics compared in percent
 *
 * Where no control of the site reports in the hour, the control of the type serves; where there is none of the type
 * either, the hour says nothing of the device. Devices of a type without control are never judged by other types.
 */

export interface CohortMember {
  readonly device: string;
  /** A device whose turn has come has been in the control before: it is then two members. */
  readonly arm: 'step' | 'control';
  readonly type: string;
  readonly site: string;
}

export interface LedgerMetric {
  readonly key: string;
  /** Compared as a share of the control's value. */
  readonly isRelative: boolean;
  /** Length of what is compared at once. */
  readonly hours: 1 | 24;
}

/** One metric in one hour; index = member. */
export interface HourColumn {
  readonly metric: string;
  /** Trials, hours or whatever the mean is taken over; 0 = the device said nothing. */
  readonly weight: Float64Array;
  readonly total: Float64Array;
}

/** Index = member. */
export interface MetricSums {
  readonly trials: Float64Array;
  /** sum of weight x r */
  readonly residual: Float64Array;
  /** sum of weight x r^2 */
  readonly squares: Float64Array;
  readonly batches: Float64Array;
  /** Of the control, as it was measured. */
  controlTrials: number;
  controlTotal: number;
}

export interface Stratum {
  readonly type: string;
  readonly site: string;
}

const hourMs = 3_600_000;
const separator = '\n';

export class CohortLedger {
  readonly strata: readonly Stratum[];
  /** Index of each member's stratum. */
  readonly stratumOf: Int32Array;
  /** 1 = step */
  readonly isStep: Uint8Array;
  /** Index of each stratum's type, in `types`. */
  private readonly typeOf: Int32Array;
  private readonly typeCount: number;
  private readonly books: ReadonlyMap<string, Book>;

  constructor(
    readonly members: readonly CohortMember[],
    metrics: readonly LedgerMetric[],
    /** Of the model, predicted or not: what class-mix divides its errors by, so that no class that turns up later changes it. */
    readonly classCount = 0,
  ) {
    const strata = new Map<string, number>();
    const types = new Map<string, number>();
    this.stratumOf = Int32Array.from(members, ({ type, site }) => indexOf(strata, type + separator + site));
    this.isStep = Uint8Array.from(members, ({ arm }) => (arm === 'step' ? 1 : 0));
    this.strata = [...strata.keys()].map((key) => {
      const at = key.indexOf(separator);
      return { type: key.slice(0, at), site: key.slice(at + 1) };
    });
    this.typeOf = Int32Array.from(this.strata, ({ type }) => indexOf(types, type));
    this.typeCount = types.size;
    this.books = new Map(metrics.map((metric) => [metric.key, newBook(metric, members.length)]));
  }

  get metrics(): string[] {
    return [...this.books.keys()];
  }

  /** Hours in ascending order, each once; columns of metrics that the ledger does not keep are ignored. */
  addHour(startMs: number, columns: readonly HourColumn[]): void {
    for (const column of columns) {
      const book = this.books.get(column.metric);
      if (!book) continue;
      if (book.metric.hours === 1) {
        this.settle(book, book.sums, column);
        continue;
      }
      const period = Math.floor(startMs / (book.metric.hours * hourMs));
      if (book.open && book.open.period !== period) {
        this.settle(book, book.sums, book.open);
        book.open = undefined;
      }
      const { open } = book;
      if (open) {
        addTo(open.weight, column.weight);
        addTo(open.total, column.total);
      } else if (column.weight.some((weight) => weight > 0)) {
        const [weight, total] = [column.weight.slice(), column.total.slice()];
        book.open = { period, weight, total };
      }
    }
  }

  /** With what has been added of a day that is not over. Undefined: not kept. */
  sums(metric: string): MetricSums | undefined {
    const book = this.books.get(metric);
    if (!book?.open) return book?.sums;
    const sums = copyOf(book.sums);
    this.settle(book, sums, book.open);
    return sums;
  }

  private settle(
    book: Book,
    sums: MetricSums,
    { weight, total }: Pick<HourColumn, 'weight' | 'total'>,
  ): void {
    const { stratumOf, isStep, typeOf } = this;
    const weights = new Float64Array(this.strata.length);
    const totals = new Float64Array(this.strata.length);
    const typeWeights = new Float64Array(this.typeCount);
    const typeTotals = new Float64Array(this.typeCount);
    for (let i = 0; i < weight.length; i++) {
      if (weight[i] === 0 || isStep[i] === 1) continue;
      weights[stratumOf[i]!]! += weight[i]!;
      totals[stratumOf[i]!]! += total[i]!;
    }
    for (let h = 0; h < weights.length; h++) {
      typeWeights[typeOf[h]!]! += weights[h]!;
      typeTotals[typeOf[h]!]! += totals[h]!;
      sums.controlTrials += weights[h]!;
      sums.controlTotal += totals[h]!;
    }
    for (let h = 0; h < weights.length; h++) {
      // From here on: the control's mean.
      const [w, t] =
        weights[h]! > 0 ? [weights[h]!, totals[h]!] : [typeWeights[typeOf[h]!]!, typeTotals[typeOf[h]!]!];
      weights[h] = w > 0 ? t / w : NaN;
    }
    const { isRelative } = book.metric;
    const { trials, residual, squares, batches } = sums;
    for (let i = 0; i < weight.length; i++) {
      const w = weight[i]!;
      if (w === 0) continue;
      const c = weights[stratumOf[i]!]!;
      if (Number.isNaN(c) || (isRelative && c === 0)) continue;
      const r = isRelative ? total[i]! / w / c - 1 : total[i]! / w - c;
      trials[i]! += w;
      residual[i]! += w * r;
      squares[i]! += w * r * r;
      batches[i]! += 1;
    }
  }
}

interface Book {
  readonly metric: LedgerMetric;
  readonly sums: MetricSums;
  open: { readonly period: number; readonly weight: Float64Array; readonly total: Float64Array } | undefined;
}

const newBook = (metric: LedgerMetric, members: number): Book => ({
  metric,
  sums: {
    trials: new Float64Array(members),
    residual: new Float64Array(members),
    squares: new Float64Array(members),
    batches: new Float64Array(members),
    controlTrials: 0,
    controlTotal: 0,
  },
  open: undefined,
});

const copyOf = (sums: MetricSums): MetricSums => ({
  ...sums,
  trials: sums.trials.slice(),
  residual: sums.residual.slice(),
  squares: sums.squares.slice(),
  batches: sums.batches.slice(),
});

function addTo(into: Float64Array, other: Float64Array): void {
  for (let i = 0; i < into.length; i++) into[i]! += other[i]!;
}

function indexOf(index: Map<string, number>, key: string): number {
  let at = index.get(key);
  if (at === undefined) index.set(key, (at = index.size));
  return at;
}
