// Durations and shares as people write them in scenario files: "10s", "1.5h", "250ms", "20%".
import { z } from 'zod';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of "<number><ms|s|m|h|d>", or null. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  return match === null ? null : Number(match[1]) * UNIT_MS[match[2]!]!;
}

/** A duration in milliseconds. A bare number is refused: its unit would be a guess. */
export const Duration = z
  .string('a duration is text with a unit, such as 10s or 2h')
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null) return ms;
    context.addIssue({
      code: 'custom',
      message: `"${text}" is not a duration; write 250ms, 10s, 5m, 2h or 14d`,
    });
    return z.NEVER;
  });

/** A share 0..1, also written as a percentage. */
export const Share = z.union([z.number(), z.string()]).transform((value, context) => {
  const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim()) : null;
  const share = percent === null ? Number(value) : Number(percent[1]) / 100;
  if (share >= 0 && share <= 1) return share;
  context.addIssue({ code: 'custom', message: `"${value}" is not a share; write 0.02 or 2%` });
  return z.NEVER;
});
