// What every bench shares: bars, medians and a plain table.

/**
 * One bar of the issue, word for word. `better` says which side of `bar` is good.
 * @param {{ id: string, value: number, bar: number, better: 'lower' | 'higher', unit: string, aim?: boolean }} given
 */
export function bar(given) {
  const value = Number(given.value.toPrecision(4));
  const ok = given.better === 'lower' ? value <= given.bar : value >= given.bar;
  return { ...given, value, ok };
}

/** @param {readonly number[]} values at least one */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Prints rows under a header, columns aligned. @param {readonly string[]} header @param {readonly unknown[][]} rows */
export function table(header, rows) {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) {
    const line = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    process.stdout.write(`${line.join('  ')}\n`);
  }
}

/** @param {readonly ReturnType<typeof bar>[]} bars */
export function printBars(bars) {
  table(
    ['bar', 'value', 'wanted', 'unit', 'result'],
    bars.map((b) => [
      b.id,
      b.value,
      `${b.better === 'lower' ? '<=' : '>='} ${b.bar}`,
      b.unit,
      b.ok ? 'ok' : b.aim === true ? 'aim missed' : 'MISSED',
    ]),
  );
}
