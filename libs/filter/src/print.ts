/** Writes a filter as text that parses to the same tree: the form in which groups keep theirs. */
import type { Filter, Scalar } from './ast.js';
import { ageText } from './values.js';

export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return '';
    case 'and':
    case 'or':
      return filter.terms
        .map((term) => {
          // `and` binds tighter than `or`: every other chain inside a chain needs its parentheses.
          const bare =
            (term.kind !== 'and' && term.kind !== 'or') || (filter.kind === 'or' && term.kind === 'and');
          return bare ? printFilter(term) : `(${printFilter(term)})`;
        })
        .join(` ${filter.kind} `);
    case 'not':
      return printNot(filter.term);
    case 'is':
      return printIs(filter, '=', 'in');
    case 'order': {
      const { field, order, value } = filter;
      return `${field} ${order} ${printOrdered(value)}`;
    }
    case 'has':
      return `has ${filter.field}`;
  }
}

function printNot(term: Filter): string {
  if (term.kind === 'is') return printIs(term, '!=', 'not in');
  const inner = printFilter(term);
  return term.kind === 'and' || term.kind === 'or' ? `not (${inner})` : `not ${inner}`;
}

function printIs({ field, values }: Extract<Filter, { kind: 'is' }>, one: string, many: string): string {
  const [first, ...rest] = values.map(printScalar);
  return rest.length === 0 ? `${field} ${one} ${first}` : `${field} ${many} (${[first, ...rest].join(', ')})`;
}

function printScalar(value: Scalar): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const pieces = typeof value === 'string' ? [value] : value.glob;
  return `"${pieces.map((piece) => piece.replace(/["\\*]/g, '\\$&')).join('*')}"`;
}

function printOrdered(value: Extract<Filter, { kind: 'order' }>['value']): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `"${value}"`;
  return 'ageS' in value ? ageText(value) : `"${value.at}"`;
}
