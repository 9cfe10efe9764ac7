/**
 * The filter language of devices, one for the dashboard, the CLI, the API, groups and rollouts (docs/filters.md):
 *
 *   filter   = [ or-term ]
 *   or-term  = and-term { "or" and-term }
 *   and-term = factor { "and" factor }
 *   factor   = "not" factor | "(" or-term ")" | ("has" | "exists") field
 *            | field ("=" | "!=" | "<" | "<=" | ">" | ">=") value | field ["not"] "in" "(" value { "," value } ")"
 *
 * It parses to a tree; storage turns the tree into parameterized SQL. Positions in errors count from 1.
 */
import { FleetError } from '@tinyfleet/errors';
import type { Filter, Order, Scalar } from './ast.js';
import { FILTER_FIELDS, fieldNamed, nearestField, specOf, type FilterField } from './fields.js';
import { invalid, tokenize, type Token } from './tokens.js';
import { orderedOf, scalarOf } from './values.js';

export interface FilterLimits {
  /** Comparisons, a list's values counted each. */
  readonly maxTerms: number;
  /** Parentheses and `not` around a comparison. */
  readonly maxDepth: number;
  readonly maxLength: number;
}
export const filterLimits: FilterLimits = { maxTerms: 200, maxDepth: 20, maxLength: 2_000 };

/** @throws registry.filter-invalid, registry.filter-too-complex */
export function parseFilter(source: string, limits: FilterLimits = filterLimits): Filter {
  if (source.length > limits.maxLength)
    throw invalid(limits.maxLength + 1, `a filter has at most ${limits.maxLength} characters`);
  return new Parser(tokenize(source), limits).filter();
}

class Parser {
  private next = 0;
  private terms = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly limits: FilterLimits,
  ) {}

  filter(): Filter {
    if (this.peek().kind === 'end') return { kind: 'all' };
    const filter = this.orTerm(0);
    const rest = this.peek();
    if (rest.kind !== 'end') throw invalid(rest.at, `expected and, or, or the end${found(rest)}`);
    return filter;
  }

  private peek(): Token {
    // The last token is the end and is never passed.
    return this.tokens[Math.min(this.next, this.tokens.length - 1)]!;
  }

  private take(): Token {
    const token = this.peek();
    this.next++;
    return token;
  }

  private takeSign(sign: string): void {
    const token = this.take();
    if (token.kind !== 'sign' || token.text !== sign)
      throw invalid(token.at, `expected ${sign}${found(token)}`);
  }

  private orTerm(depth: number): Filter {
    return this.chain('or', () => this.andTerm(depth));
  }

  private andTerm(depth: number): Filter {
    return this.chain('and', () => this.factor(depth));
  }

  private chain(word: 'and' | 'or', inner: () => Filter): Filter {
    const first = inner();
    const terms = [first];
    while (isWord(this.peek(), word)) {
      this.take();
      terms.push(inner());
    }
    return terms.length === 1 ? first : { kind: word, terms };
  }

  private factor(depth: number): Filter {
    if (depth > this.limits.maxDepth)
      throw invalid(this.peek().at, `nested deeper than ${this.limits.maxDepth}`);
    const token = this.take();
    if (isWord(token, 'not')) return { kind: 'not', term: this.factor(depth + 1) };
    if (token.kind === 'sign' && token.text === '(') {
      const inner = this.orTerm(depth + 1);
      this.takeSign(')');
      return inner;
    }
    if (isWord(token, 'has') || isWord(token, 'exists')) return this.existence();
    return this.comparison(this.field(token));
  }

  private field(token: Token): FilterField {
    if (token.kind !== 'word') throw invalid(token.at, `expected a field${found(token)}`);
    const field = fieldNamed(token.text);
    if (field !== undefined) return field;
    const near = nearestField(token.text);
    const names = [...Object.keys(FILTER_FIELDS), 'attr.KEY', 'desired.KEY'].join(', ');
    throw invalid(
      token.at,
      `no field ${token.text}; ${near === undefined ? `there are ${names}` : `did you mean ${near}`}`,
    );
  }

  private existence(): Filter {
    const token = this.take();
    const field = this.field(token);
    const { noHas } = specOf(field);
    if (noHas !== undefined) throw invalid(token.at, `has ${field}: ${noHas}`);
    this.count();
    return { kind: 'has', field };
  }

  private comparison(field: FilterField): Filter {
    const token = this.take();
    if (token.kind === 'sign') {
      switch (token.text) {
        case '=':
          return { kind: 'is', field, values: [this.scalar(field)] };
        case '!=':
          return { kind: 'not', term: { kind: 'is', field, values: [this.scalar(field)] } };
        case '<':
        case '<=':
        case '>':
        case '>=':
          return this.order(field, token.text);
      }
    }
    const negated = isWord(token, 'not');
    const word = negated ? this.take() : token;
    if (!isWord(word, 'in'))
      throw invalid(
        word.at,
        `expected ${negated ? 'in' : '=, !=, <, <=, >, >=, in or not in'}${found(word)}`,
      );
    this.takeSign('(');
    const values = [this.scalar(field)];
    while (this.peek().kind === 'sign' && this.peek().text === ',') {
      this.take();
      values.push(this.scalar(field));
    }
    this.takeSign(')');
    const is: Filter = { kind: 'is', field, values };
    return negated ? { kind: 'not', term: is } : is;
  }

  private order(field: FilterField, order: Order): Filter {
    return { kind: 'order', field, order, value: orderedOf(field, order, this.value()) };
  }

  private scalar(field: FilterField): Scalar {
    return scalarOf(field, this.value());
  }

  private value(): Token {
    const token = this.take();
    if (token.kind !== 'word' && token.kind !== 'text')
      throw invalid(token.at, `expected a value${found(token)}`);
    this.count();
    return token;
  }

  private count(): void {
    const { maxTerms } = this.limits;
    if (++this.terms > maxTerms)
      throw new FleetError('registry.filter-too-complex', { terms: this.terms, limit: maxTerms });
  }
}

const isWord = (token: Token, word: string): boolean =>
  token.kind === 'word' && token.text.toLowerCase() === word;
const found = (token: Token): string => (token.kind === 'end' ? '' : `, found ${token.text}`);
