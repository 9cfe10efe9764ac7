/** What may be typed next in a filter, for the dashboard and shells. Does not know values that only the project knows. */
import { FILTER_FIELDS, fieldNamed, specOf, type FilterField } from './fields.js';
import { tokenize, type Token } from './tokens.js';

export interface Completion {
  /** What is replaced: characters from `from` (counted from 0) to the cursor. */
  readonly from: number;
  readonly options: readonly { readonly text: string; readonly about: string }[];
  /** Values of this field are expected: the caller may know some. */
  readonly valuesOf?: FilterField;
}

type Expected = 'factor' | 'operator' | 'value' | 'list' | 'after-value' | 'chain' | 'field';

/** `at`: the cursor, counted from 0. Text that cannot be read gives no options. */
export function completeFilter(source: string, at: number): Completion {
  const before = source.slice(0, at);
  const word = /[A-Za-z0-9._*@+:-]*$/.exec(before)![0];
  const from = at - word.length;
  let tokens: Token[];
  try {
    tokens = tokenize(before.slice(0, from)).slice(0, -1);
  } catch {
    return { from, options: [] };
  }
  let expected: Expected = 'factor';
  let field: FilterField | undefined;
  for (const token of tokens) [expected, field] = step(expected, field, token);
  const options = optionsOf(expected, field).filter(({ text }) =>
    text.toLowerCase().startsWith(word.toLowerCase()),
  );
  const wantsValue = (expected === 'value' || expected === 'list') && field !== undefined;
  return { from, options, ...(wantsValue ? { valuesOf: field } : {}) };
}

function step(
  expected: Expected,
  field: FilterField | undefined,
  token: Token,
): [Expected, FilterField | undefined] {
  const word = token.kind === 'word' ? token.text.toLowerCase() : '';
  switch (expected) {
    case 'factor':
      if (token.text === '(' || word === 'not') return ['factor', undefined];
      if (word === 'has' || word === 'exists') return ['field', undefined];
      return ['operator', fieldNamed(token.text)];
    case 'field':
      return ['chain', undefined];
    case 'operator':
      if (word === 'not' || word === 'in') return ['operator', field];
      return [token.text === '(' ? 'list' : 'value', field];
    case 'value':
      return ['chain', undefined];
    case 'list':
      return ['after-value', field];
    case 'after-value':
      return token.text === ',' ? ['list', field] : ['chain', undefined];
    case 'chain':
      return [token.text === ')' ? 'chain' : 'factor', undefined];
  }
}

const plain = (...texts: string[]) => texts.map((text) => ({ text, about: '' }));
const FIELDS = [
  ...Object.entries(FILTER_FIELDS).map(([text, { about }]) => ({ text, about })),
  { text: 'attr.', about: 'an attribute as the device reports it' },
  { text: 'desired.', about: 'an attribute as people set it' },
];

function optionsOf(expected: Expected, field: FilterField | undefined): Completion['options'] {
  switch (expected) {
    case 'factor':
      return [...FIELDS, ...plain('not', 'has', '(')];
    case 'field':
      return FIELDS.filter(({ text }) => {
        const named = fieldNamed(text);
        return named === undefined || specOf(named).noHas === undefined;
      });
    case 'operator': {
      const kind = field === undefined ? 'text' : specOf(field).kind;
      const ordered = ['<', '<=', '>', '>='];
      if (kind === 'time') return plain(...ordered);
      const equal = ['=', '!=', 'in', 'not in'];
      return plain(...equal, ...(kind === 'version' || kind === 'attribute' ? ordered : []));
    }
    case 'value':
    case 'list': {
      if (field === undefined) return [];
      const { choices, kind } = specOf(field);
      if (kind === 'time') return plain('1h', '1d', '7d', '30d');
      return plain(...(choices ?? []));
    }
    case 'after-value':
      return plain(',', ')');
    case 'chain':
      return plain('and', 'or');
  }
}
