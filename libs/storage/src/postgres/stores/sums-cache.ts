/**
 * Lists of counts of rows that were read a moment ago. A page asks for its 30 days again whenever something new came, of which one hour
 * has changed: writing out lists of numbers is most of what an answer costs Postgres, and reading them most of what it costs here. A row
 * is known by where its version lies (`version`: file, ctid and xmin): whoever changes it writes another one elsewhere, and who moves
 * rows (vacuum full) makes another file.
 */
import { numbersOf } from './sums.js';

export interface SumLists {
  readonly classes: readonly number[];
  readonly featureCounts: readonly number[] | null;
  readonly featureSums: readonly number[] | null;
  readonly ood: readonly number[] | null;
}
/** As Postgres writes lists. Of a row whose version is known, nothing. */
export interface SumTexts {
  readonly version: string;
  readonly classes: string | null;
  readonly featureCounts: string | null;
  readonly featureSums?: string | null;
  readonly ood: string | null;
}
type Answer = ReadonlyMap<string, SumLists>;

export interface SumsCacheOptions {
  /** Numbers that are kept, 8 bytes each. Default 2 million: of 10,000 rows of 12 classes and 5 features. */
  readonly maxNumbers: number;
}
export const sumsCacheDefaults: SumsCacheOptions = { maxNumbers: 2_000_000 };

const nothing: Answer = new Map();

export class SumsCache {
  /** By what was asked; the one that was asked for longest ago first. */
  private readonly answers = new Map<string, Answer>();
  private numbers = 0;

  constructor(private readonly options: SumsCacheOptions = sumsCacheDefaults) {}

  /** Numbers that are kept. */
  get size(): number {
    return this.numbers;
  }

  /**
   * @param asked the same for questions whose answers share most rows
   * @param query is told the versions that need no lists
   */
  async read<Row extends SumTexts>(
    asked: string,
    query: (known: readonly string[]) => Promise<readonly Row[]>,
  ): Promise<(Omit<Row, keyof SumTexts> & SumLists)[]> {
    // Another answer to the same may come before this one.
    const before = this.answers.get(asked) ?? nothing;
    const rows = await query([...before.keys()]);
    const after = new Map<string, SumLists>();
    const read = rows.map(({ version, classes, featureCounts, featureSums, ood, ...row }) => {
      const lists = before.get(version) ?? {
        classes: numbersOf(classes ?? '{}'),
        featureCounts: listOf(featureCounts),
        featureSums: listOf(featureSums),
        ood: listOf(ood),
      };
      after.set(version, lists);
      return { ...row, ...lists };
    });
    this.keep(asked, after);
    return read;
  }

  private keep(asked: string, answer: Answer): void {
    this.drop(asked);
    this.answers.set(asked, answer);
    this.numbers += numbersIn(answer);
    for (const oldest of this.answers.keys()) {
      if (this.numbers <= this.options.maxNumbers) return;
      this.drop(oldest);
    }
  }

  private drop(asked: string): void {
    const answer = this.answers.get(asked);
    if (answer === undefined) return;
    this.answers.delete(asked);
    this.numbers -= numbersIn(answer);
  }
}

const listOf = (text: string | null | undefined): number[] | null =>
  text === null || text === undefined ? null : numbersOf(text);

function numbersIn(answer: Answer): number {
  let numbers = 0;
  for (const { classes, featureCounts, featureSums, ood } of answer.values())
    numbers +=
      classes.length + (featureCounts?.length ?? 0) + (featureSums?.length ?? 0) + (ood?.length ?? 0);
  return numbers;
}
