/** Durations as people type them: "90 s", "10m", "6 h", "3d"; a bare number is minutes. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3_600, d: 86_400 };

/** @returns seconds; undefined: no duration */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit = 'm'] = /^\s*(\d{1,7}(?:\.\d{1,2})?)\s*(s|min|m|h|d)?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const seconds = Number(digits) * (SECONDS[unit.toLowerCase()] ?? 60);
  return Number.isInteger(seconds) ? seconds : Math.round(seconds);
}

/** 21,600 -> "6 h"; exact, so that reading and writing it again changes nothing. */
export function durationText(seconds: number): string {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ] as const)
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  return `${seconds} s`;
}

/** 3,630 -> "1 h 30 s": the two largest units that are not nothing, rounded down: it takes at least so long. */
export function leastText(seconds: number): string {
  const parts: string[] = [];
  let left = seconds;
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || 'no time';
}
