/** The filter language in the page: what is wrong with a text and where, and what may be typed next. Loaded when needed. */
import { isFleetError } from '@tinyfleet/errors';
import { completeFilter, isAttributeField, parseFilter, type PlainField } from '@tinyfleet/filter';

export interface FilterProblem {
  /** Character of the text, counted from 0. */
  readonly at: number;
  readonly reason: string;
}

export function checkFilter(text: string): FilterProblem | undefined {
  try {
    parseFilter(text);
    return undefined;
  } catch (error) {
    if (!isFleetError(error)) throw error;
    const { at, reason } = error.data;
    if (typeof at !== 'number') return { at: text.length, reason: error.message };
    return { at: at - 1, reason: String(reason) };
  }
}

/** Values that the project knows, by field. */
export type KnownValues = Partial<Record<PlainField, readonly string[]>>;

export interface Suggestion {
  /** As shown. */
  readonly text: string;
  readonly about: string;
  /** What the whole filter becomes, and where the cursor goes. */
  readonly filter: string;
  readonly cursor: number;
}

const MAX_SUGGESTIONS = 50;
const BARE = /^[A-Za-z0-9._@+:-]+$/;
const quoted = (text: string): string => `"${text.replace(/["\\*]/g, '\\$&')}"`;

/** `at`: the cursor, counted from 0. */
export function suggest(filter: string, at: number, known: KnownValues): Suggestion[] {
  const before = filter.slice(0, at);
  // Inside a text that has no end yet: the value is completed together with its quotes.
  const open = /^(?:[^"]|"(?:[^"\\]|\\.)*")*"((?:[^"\\]|\\.)*)$/.exec(before)?.[1];
  const { from, options, valuesOf } = completeFilter(filter, open === undefined ? at : at - open.length - 1);
  const typed = open ?? before.slice(from);
  const values =
    valuesOf === undefined || isAttributeField(valuesOf)
      ? []
      : (known[valuesOf] ?? []).filter((value) => value.toLowerCase().startsWith(typed.toLowerCase()));
  const own = open === undefined ? options : [];
  const texts = [
    ...values.map((value) => ({
      text: value,
      about: '',
      insert: open === undefined && BARE.test(value) ? value : quoted(value),
    })),
    ...own
      .filter(({ text }) => !values.includes(text))
      .map(({ text, about }) => ({ text, about, insert: text.endsWith('in') ? `${text} (` : text })),
  ];
  // A quote that closes behind the cursor is replaced by the one that comes along.
  const after = open !== undefined && filter[at] === '"' ? filter.slice(at + 1) : filter.slice(at);
  return texts
    .filter(({ insert }) => insert !== typed)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ text, about, insert }) => {
      const ending = /[.(]$/.test(insert) || /^[\s,)]/.test(after) ? insert : `${insert} `;
      const head = filter.slice(0, from) + ending;
      return { text, about, filter: head + after, cursor: head.length };
    });
}
