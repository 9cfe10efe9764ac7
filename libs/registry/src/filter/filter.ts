/**
 * The filter language of devices, thin but final in shape:
 *
 *   filter  = or-term
 *   or-term = and-term { "or" and-term }
 *   and-term = factor { "and" factor }
 *   factor  = "not" factor | "(" or-term ")" | field ("=" | "!=") value | field ["not"] "in" "(" value { "," value } ")"
 *
 * Values are quoted ("..." with \" and \\) or bare words; `*` in a value of `name` and `site` stands for any text.
 * It parses to a tree; storage turns the tree into parameterized SQL. Positions in errors count from 1.
 */
import { DeviceState, Presence } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export const FILTER_FIELDS = [
  'name',
  'type',
  'tag',
  'site',
  'version',
  'release',
  'state',
  'presence',
  'update',
] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  /** The field has one of the values (of several tags: any). */
  | { readonly kind: 'is'; readonly field: FilterField; readonly values: readonly string[] };

export interface FilterLimits {
  /** Comparisons, a list's values counted each. */
  readonly maxTerms: number;
  readonly maxDepth: number;
}
export const filterLimits: FilterLimits = { maxTerms: 200, maxDepth: 20 };

interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

/** Fields with few values, so that a wrong one is told. */
const CHOICES: Partial<Record<FilterField, readonly string[]>> = {
  state: DeviceState.options,
  presence: Presence.options,
};

/** @throws registry.filter-invalid, registry.filter-too-complex */
export function parseFilter(source: string, limits: FilterLimits = filterLimits): Filter {
  const tokens = tokenize(source);
  let next = 0;
  let terms = 0;
  const peek = (): Token => tokens[next] ?? { kind: 'end', text: '', at: source.length + 1 };
  const take = (): Token => {
    const token = peek();
    next++;
    return token;
  };
  const isWord = (token: Token, word: string) => token.kind === 'word' && token.text.toLowerCase() === word;
  const expect = (sign: string): void => {
    const token = take();
    if (token.kind !== 'sign' || token.text !== sign)
      throw invalid(token.at, `expected ${sign}${found(token)}`);
  };

  function chain(word: 'and' | 'or', inner: (depth: number) => Filter, depth: number): Filter {
    const parts = [inner(depth)];
    while (isWord(peek(), word)) {
      take();
      parts.push(inner(depth));
    }
    return parts.length === 1 && parts[0] ? parts[0] : { kind: word, terms: parts };
  }
  const orTerm = (depth: number): Filter => chain('or', andTerm, depth);
  const andTerm = (depth: number): Filter => chain('and', factor, depth);

  function factor(depth: number): Filter {
    if (depth > limits.maxDepth) throw invalid(peek().at, `nested deeper than ${limits.maxDepth}`);
    const token = take();
    if (isWord(token, 'not')) return { kind: 'not', term: factor(depth + 1) };
    if (token.kind === 'sign' && token.text === '(') {
      const inner = orTerm(depth + 1);
      expect(')');
      return inner;
    }
    if (token.kind !== 'word') throw invalid(token.at, `expected a field${found(token)}`);
    const field = FILTER_FIELDS.find((name) => name === token.text.toLowerCase());
    if (field === undefined) {
      throw invalid(token.at, `no field ${token.text}; there are ${FILTER_FIELDS.join(', ')}`);
    }
    return comparison(field);
  }

  function comparison(field: FilterField): Filter {
    const token = take();
    if (token.kind === 'sign' && (token.text === '=' || token.text === '!=')) {
      const is: Filter = { kind: 'is', field, values: [value(field)] };
      return token.text === '=' ? is : { kind: 'not', term: is };
    }
    const negated = isWord(token, 'not');
    const word = negated ? take() : token;
    if (!isWord(word, 'in')) throw invalid(word.at, `expected =, != or in${found(word)}`);
    expect('(');
    const values = [value(field)];
    while (peek().text === ',' && peek().kind === 'sign') {
      take();
      values.push(value(field));
    }
    expect(')');
    const is: Filter = { kind: 'is', field, values };
    return negated ? { kind: 'not', term: is } : is;
  }

  function value(field: FilterField): string {
    const token = take();
    if (token.kind !== 'word' && token.kind !== 'text')
      throw invalid(token.at, `expected a value${found(token)}`);
    const choices = CHOICES[field];
    if (choices && !choices.includes(token.text)) {
      throw invalid(token.at, `no ${field} ${token.text}; there are ${choices.join(', ')}`);
    }
    if (++terms > limits.maxTerms) {
      throw new FleetError('registry.filter-too-complex', { terms, limit: limits.maxTerms });
    }
    return token.text;
  }

  if (peek().kind === 'end') return { kind: 'all' };
  const filter = orTerm(0);
  const rest = peek();
  if (rest.kind !== 'end') throw invalid(rest.at, `expected and, or, or the end${found(rest)}`);
  return filter;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:(!=|[=(),])|"((?:[^"\\]|\\["\\])*)"|([A-Za-z0-9._*@-]+))/y;
  let at = 0;
  while (source.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (!match) {
      const start = at + (source.slice(at).length - source.slice(at).trimStart().length);
      const reason =
        source[start] === '"' ? 'the text that begins here has no end' : `unexpected ${source[start]}`;
      throw invalid(start + 1, reason);
    }
    const [whole, sign, text, word] = match;
    const start = at + whole.length - whole.trimStart().length + 1;
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at: start });
    else if (text !== undefined) {
      tokens.push({ kind: 'text', text: text.replace(/\\(["\\])/g, '$1'), at: start });
    } else tokens.push({ kind: 'word', text: word ?? '', at: start });
    at = pattern.lastIndex;
  }
  return tokens;
}

const found = (token: Token): string => (token.kind === 'end' ? '' : `, found ${token.text}`);
const invalid = (at: number, reason: string) => new FleetError('registry.filter-invalid', { at, reason });
