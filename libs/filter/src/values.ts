/** Values of a filter: what the text of a token means for a field. */
import type { Age, Glob, Instant, Order, Scalar } from './ast.js';
import { specOf, type FilterField } from './fields.js';
import { invalid, type Token } from './tokens.js';
import { versionOrderOf } from '@tinyfleet/contracts';

const UNIT_S = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
/** A hundred years. */
const MAX_AGE_S = 36_525 * UNIT_S.d;

/** @throws registry.filter-invalid */
export function scalarOf(field: FilterField, token: Token): Scalar {
  const { kind, choices } = specOf(field);
  if (kind === 'time') throw invalid(token.at, `${field} is compared by <, <=, > and >=`);
  if (kind === 'attribute' && token.kind === 'word') {
    if (token.text === 'true' || token.text === 'false') return token.text === 'true';
    const number = numberOf(token.text);
    if (number !== undefined) return number;
  }
  const text = textOf(token);
  if (choices && (typeof text !== 'string' || !choices.includes(text))) {
    throw invalid(token.at, `no ${field} ${token.text}; there are ${choices.join(', ')}`);
  }
  if (kind === 'name' && typeof text !== 'string') throw invalid(token.at, `a ${field} is named without *`);
  return text;
}

/** @throws registry.filter-invalid */
export function orderedOf(field: FilterField, order: Order, token: Token): string | number | Age | Instant {
  const { kind } = specOf(field);
  if (kind === 'attribute') {
    const number = token.kind === 'word' ? numberOf(token.text) : undefined;
    if (number === undefined)
      throw invalid(token.at, `expected a number after ${order}, found ${token.text}`);
    return number;
  }
  if (kind === 'version') {
    if (versionOrderOf(token.text) === undefined)
      throw invalid(token.at, `expected a version such as 2.1 after ${order}, found ${token.text}`);
    return token.text;
  }
  if (kind === 'time') {
    const time = ageOf(token.text) ?? instantOf(token.text);
    if (time !== undefined) return time;
    throw invalid(token.at, `expected an age such as 90s, 15m, 1h or 7d, or a date such as 2026-01-31`);
  }
  throw invalid(token.at, `${field} is compared by =, != and in; it has no order`);
}

function numberOf(text: string): number | undefined {
  if (!/^-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,3})?$/i.test(text)) return undefined;
  const number = Number(text);
  // One zero: -0 would not read back as it was written.
  return Number.isFinite(number) ? number + 0 : undefined;
}

function ageOf(text: string): Age | undefined {
  const [, digits, unit] = /^(\d{1,10})([smhd])$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const ageS = Number(digits) * UNIT_S[unit as keyof typeof UNIT_S];
  return ageS <= MAX_AGE_S ? { ageS } : undefined;
}

function instantOf(text: string): Instant | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) return undefined;
  // A date without a zone is of UTC: the server's own zone is nobody's business.
  const zoned = text.length > 10 && !/(Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text;
  const date = new Date(zoned);
  const valid = !Number.isNaN(date.getTime()) && date.getUTCFullYear() <= 9_999 && date.getUTCFullYear() >= 1;
  return valid ? { at: date.toISOString() } : undefined;
}

/** Unescapes; stars that are not escaped split. */
function textOf(token: Token): string | Glob {
  const pieces: string[] = [];
  let piece = '';
  for (const [written] of token.text.matchAll(/\\["\\*]|\*|[^\\*]+/g)) {
    if (written !== '*') piece += written.startsWith('\\') ? written.slice(1) : written;
    else {
      pieces.push(piece);
      piece = '';
    }
  }
  return pieces.length === 0 ? piece : { glob: [...pieces, piece] };
}

/** The longest unit that divides it. */
export function ageText({ ageS }: Age): string {
  for (const unit of ['d', 'h', 'm'] as const)
    if (ageS > 0 && ageS % UNIT_S[unit] === 0) return `${ageS / UNIT_S[unit]}${unit}`;
  return `${ageS}s`;
}
