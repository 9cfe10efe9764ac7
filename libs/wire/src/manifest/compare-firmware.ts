/**
 * Order of firmware versions as devices have it (condition firmware-min): number by number between the dots, to the first
 * character that is neither; what is missing is 0. @returns negative: `a` is older
 */
export function compareFirmware(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = (left[i] ?? 0) - (right[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** Nine digits count, as in firmware-stubs/agent/src/manifest.c. */
const numbersOf = (text: string): number[] =>
  (/^\d*(?:\.\d*)*/.exec(text)?.[0] ?? '').split('.').map((part) => Number(part.slice(0, 9)));
