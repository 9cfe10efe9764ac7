/**
 * Which attribute values do the drifted devices share? A site, a batch, a version, or two of them together.
 *
 * For each value, the chance to see at least so many drifted devices among its members when drift strikes at random is
 * hypergeometric (Fisher's exact test, one-sided); it is multiplied by the number of values tried, pairs too (Bonferroni), so that
 * a fleet with a thousand labels finds no cause by searching. Among the significant ones the cause is the value that separates best:
 * the greatest difference between the drifted share inside and outside (Youden's J); with equal ones the smaller group.
 */
import { logGamma } from '../statistics/distributions.js';

/** By device: attribute -> value. */
export type Attributes = Readonly<Record<string, string>>;

export interface Cause {
  /** One or two attributes with their values. */
  readonly values: readonly { readonly attribute: string; readonly value: string }[];
  readonly members: number;
  readonly drifted: number;
  /** Of all drifted devices, the share inside. */
  readonly covers: number;
  /** Of the devices inside, the share that drifted. */
  readonly purity: number;
  /** Corrected for everything tried. */
  readonly p: number;
}

export interface AttributeSearchOptions {
  /** Default .01. */
  readonly alpha?: number;
  /** Pairs are tried too when there are at most so many values. Default 200. */
  readonly maxValuesForPairs?: number;
  readonly limit?: number;
}

/** Causes by how well they separate, best first; none when drift looks scattered. */
export function searchAttributes(
  attributes: readonly Attributes[],
  drifted: readonly boolean[],
  { alpha = 0.01, maxValuesForPairs = 200, limit = 5 }: AttributeSearchOptions = {},
): readonly Cause[] {
  const n = attributes.length;
  const hits = drifted.filter(Boolean).length;
  if (hits === 0 || hits === n) return [];
  // A value of one device is that device.
  const singles = membersByValue(attributes, 2);
  const candidates = singles.map((one) => ({ values: [one], members: one.members }));
  if (singles.length <= maxValuesForPairs) {
    singles.forEach((one, i) => {
      const inside = new Set(one.members);
      for (const other of singles.slice(i + 1)) {
        if (other.attribute === one.attribute) continue;
        const members = other.members.filter((j) => inside.has(j));
        // A pair that is one of its halves explains nothing more.
        if (members.length > 0 && members.length < Math.min(one.members.length, other.members.length))
          candidates.push({ values: [one, other], members });
      }
    });
  }
  return candidates
    .map(({ values, members }) => {
      const inside = members.filter((j) => drifted[j]).length;
      return {
        values: values.map(({ attribute, value }) => ({ attribute, value })),
        members: members.length,
        drifted: inside,
        covers: inside / hits,
        purity: inside / members.length,
        outside: (hits - inside) / Math.max(1, n - members.length),
        p: Math.min(1, candidates.length * hypergeometricTail(inside, members.length, hits, n)),
      };
    })
    .filter(({ p, drifted: inside }) => p <= alpha && inside >= 2)
    .sort(
      (a, b) =>
        b.purity - b.outside - (a.purity - a.outside) ||
        a.values.length - b.values.length ||
        a.members - b.members,
    )
    .slice(0, limit)
    .map(({ outside: _, ...cause }) => cause);
}

/** Positions of those that share a value; without values of fewer than `least`, and those that all have, which tell nothing. */
export function membersByValue(
  attributes: readonly Attributes[],
  least: number,
): { readonly attribute: string; readonly value: string; readonly members: readonly number[] }[] {
  const found = new Map<string, { attribute: string; value: string; members: number[] }>();
  attributes.forEach((one, j) => {
    for (const [attribute, value] of Object.entries(one)) {
      const key = keyOf({ attribute, value });
      const known = found.get(key);
      if (known) known.members.push(j);
      else found.set(key, { attribute, value, members: [j] });
    }
  });
  return [...found.values()].filter(
    ({ members }) => members.length >= least && members.length < attributes.length,
  );
}

/** Tells pairs of attribute and value apart. */
export const keyOf = ({ attribute, value }: { readonly attribute: string; readonly value: string }): string =>
  JSON.stringify([attribute, value]);

/** P(X >= k), X = marked ones in a draw of `draws` from n with `marked`. */
export function hypergeometricTail(k: number, draws: number, marked: number, n: number): number {
  let sum = 0;
  for (let x = k; x <= Math.min(draws, marked); x++) {
    if (draws - x > n - marked) continue;
    sum += Math.exp(logChoose(marked, x) + logChoose(n - marked, draws - x) - logChoose(n, draws));
  }
  return Math.min(1, sum);
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
