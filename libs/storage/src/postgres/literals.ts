/** Parameters written into a statement, for several statements in one round trip: their protocol knows no parameters. */
import pg from 'pg';

type Scalar = string | number | bigint | Date | Uint8Array;
export type LiteralValue = Scalar | readonly Scalar[];

export interface Statement {
  readonly sql: string;
  readonly values: readonly LiteralValue[];
}

/**
 * As `query` would run it. A parameter whose type its place does not tell needs it behind it: `$1::text[]`.
 * @param statement without string constants that hold `--`, or a `$` with a number
 * @throws RangeError of text with a character of code 0, which Postgres does not know
 */
export function withLiterals({ sql, values }: Statement): string {
  // A parameter that a comment speaks of would go on behind the end of its line.
  return sql.replace(/--.*$/gm, '').replace(/\$(\d+)/g, (_, number: string) => {
    const value = values[Number(number) - 1]!;
    return pg.escapeLiteral(isList(value) ? `{${value.map(element).join(',')}}` : text(value));
  });
}

const isList = (value: LiteralValue): value is readonly Scalar[] => Array.isArray(value);

function text(value: Scalar): string {
  if (typeof value === 'string') {
    // It would end the message.
    if (value.includes('\0')) throw new RangeError('text holds a character of code 0');
    return value;
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return String(value);
}

const element = (value: Scalar): string =>
  typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : `"${text(value).replace(/["\\]/g, '\\$&')}"`;
