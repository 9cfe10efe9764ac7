/** Parameters of a statement that is composed, and text patterns. */
import type { Glob } from '@tinyfleet/filter';

/** Collects parameters; `$n` is handed out in order. */
export class Parameters {
  constructor(readonly values: unknown[] = []) {}
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
export const likePattern = ({ glob }: Glob): string => glob.map(escapeLike).join('%');

/** What LIKE would say. Piece by piece, each where it comes first: linear, whatever the pattern. */
export function globMatches({ glob }: Glob, text: string): boolean {
  const last = glob.at(-1)!;
  if (!text.startsWith(glob[0]!) || !text.endsWith(last)) return false;
  let at = glob[0]!.length;
  for (const piece of glob.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}
