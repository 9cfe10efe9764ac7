/** Turns rows (time, key, value) as the API gives them into the columns a chart wants. */

export interface Pivot {
  /** Unix seconds, rising. */
  readonly times: number[];
  readonly keys: string[];
  /** keys x times; null where a key has no row at a time. */
  readonly values: (number | null)[][];
}

/**
 * Keys keep the order of their first row, times are sorted. With `fill` a missing cell is that number instead of
 * a gap.
 */
export function pivot<T>(
  rows: readonly T[],
  read: (row: T) => { at: string; key: string; value: number },
  fill: number | null = null,
): Pivot {
  const cells = new Map<string, Map<number, number>>();
  const times = new Set<number>();
  for (const row of rows) {
    const { at, key, value } = read(row);
    const time = Date.parse(at) / 1_000;
    times.add(time);
    const column = cells.get(key) ?? new Map<number, number>();
    column.set(time, (column.get(time) ?? 0) + value);
    cells.set(key, column);
  }
  const sorted = [...times].sort((a, b) => a - b);
  const keys = [...cells.keys()];
  return {
    times: sorted,
    keys,
    values: keys.map((key) => sorted.map((time) => cells.get(key)?.get(time) ?? fill)),
  };
}
