/** Splits a filter into words, quoted texts and signs. Positions count from 1, in UTF-16 units as JavaScript does. */
import { FleetError } from '@tinyfleet/errors';

export interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  /** Of a quoted text: what is between the quotes, escapes as written. */
  readonly text: string;
  readonly at: number;
}

const SIGN = /!=|<=|>=|[=<>(),]/y;
const QUOTED = /"((?:[^"\\]|\\["\\*])*)"/y;
const WORD = /[A-Za-z0-9._*@+:-]+/y;
const SPACE = /[ \t\r\n]*/y;

export const invalid = (at: number, reason: string): FleetError =>
  new FleetError('registry.filter-invalid', { at, reason });

/** @throws registry.filter-invalid */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  for (;;) {
    at += match(SPACE)![0].length;
    if (at >= source.length) break;
    const quoted = match(QUOTED);
    const sign = quoted ? null : match(SIGN);
    const found = quoted ?? sign ?? match(WORD);
    if (!found) throw invalid(at + 1, reasonAt(source, at));
    const text = quoted?.[1] ?? found[0];
    const odd = /[\0\p{Surrogate}]/u.exec(text);
    if (odd) throw invalid(at + 2 + odd.index, `the character ${codePoint(odd[0])} cannot be in a text`);
    tokens.push({ kind: quoted ? 'text' : sign ? 'sign' : 'word', text, at: at + 1 });
    at += found[0].length;
  }
  tokens.push({ kind: 'end', text: '', at: source.length + 1 });
  return tokens;
}

function reasonAt(source: string, at: number): string {
  const character = String.fromCodePoint(source.codePointAt(at)!);
  if (character !== '"') {
    const shown = /[\p{C}\p{Z}]/u.test(character) ? codePoint(character) : character;
    return `unexpected ${shown}; texts other than letters, digits and . _ - + : @ * need quotes`;
  }
  const escape = /^"(?:[^"\\]|\\["\\*])*\\[^"\\*]/.exec(source.slice(at));
  return escape ? 'after \\ there may be ", \\ or * only' : 'the text that begins here has no end';
}

const codePoint = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
