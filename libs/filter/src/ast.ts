/**
 * A parsed device filter. `!=` and `not in` are `not` around `is`: a device without the thing does not have it, so a missing
 * value makes a comparison false and its negation true.
 */
import type { FilterField } from './fields.js';

/** Text with stars: the pieces between them, in order; at least two. */
export interface Glob {
  readonly glob: readonly string[];
}
/** Seconds before now. */
export interface Age {
  readonly ageS: number;
}
/** RFC 3339 in UTC, milliseconds. */
export interface Instant {
  readonly at: string;
}
export type Scalar = string | number | boolean | Glob;
export type Order = '<' | '<=' | '>' | '>=';

export type Filter =
  | { readonly kind: 'all' }
  /** Two terms or more. */
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  /** The field has one of the values (of several tags: any). */
  | { readonly kind: 'is'; readonly field: FilterField; readonly values: readonly Scalar[] }
  | {
      readonly kind: 'order';
      readonly field: FilterField;
      readonly order: Order;
      /** Text: a version. */
      readonly value: string | number | Age | Instant;
    }
  /** The device has a value of the field at all. */
  | { readonly kind: 'has'; readonly field: FilterField };

export type Comparison = Extract<Filter, { kind: 'is' | 'order' | 'has' }>;

/** Every comparison in the tree. */
export function* comparisonsOf(filter: Filter): Generator<Comparison> {
  switch (filter.kind) {
    case 'all':
      return;
    case 'and':
    case 'or':
      for (const term of filter.terms) yield* comparisonsOf(term);
      return;
    case 'not':
      yield* comparisonsOf(filter.term);
      return;
    default:
      yield filter;
  }
}
