/**
 * A fleet that falls silent: more devices than chance would have it, at once. Each device was heard in a share of the healthy
 * rounds; that at least so many of the N that were heard of late miss two rounds in a row is binomial. Devices that share a network do
 * not fail one by one, so the bound is far below any budget and at least half of the fleet, or of a group of it, has to be gone.
 */
import { searchAttributes, type Attributes } from '../drift/attribute-search.js';
import type { Scope } from '../drift/scope.js';

/** Rounds in a row without a window. */
export const SILENT_ROUNDS = 2;
const LEAST_SILENT = 3;
const LEAST_CHANCE = 1e-6;

export interface Silence {
  readonly scope: Exclude<Scope, { kind: 'device' | 'devices' }>;
  readonly silent: readonly number[];
  readonly expected: number;
}

/**
 * @param expected devices that were heard of late; @param silent those of them that are not heard any more
 * @param presence share of rounds in which a healthy device is heard
 */
export function findSilence(
  attributes: readonly Attributes[],
  {
    expected,
    silent,
    presence,
  }: { expected: readonly number[]; silent: readonly number[]; presence: number },
): Silence | undefined {
  if (silent.length < LEAST_SILENT) return undefined;
  // Never surer of a device than a hundred healthy rounds could make one.
  const missing = Math.min(0.5, Math.max(0.01, 1 - presence)) ** SILENT_ROUNDS;
  if (binomialTail(silent.length, expected.length, missing) > LEAST_CHANCE) return undefined;
  const isSilent = new Set(silent);
  if (2 * silent.length >= expected.length && expected.length > 0 && silent.length >= 0.6 * expected.length)
    return { scope: { kind: 'everyone', devices: silent }, silent, expected: expected.length };
  const cause = searchAttributes(
    expected.map((j) => attributes[j]!),
    expected.map((j) => isSilent.has(j)),
  ).find(({ covers, purity }) => covers >= 0.6 && purity >= 0.5);
  if (!cause) return undefined;
  return { scope: { kind: 'attribute', cause, devices: silent }, silent, expected: cause.members };
}

/** P(X >= k) of n with chance p. */
export function binomialTail(k: number, n: number, p: number): number {
  let [term, sum] = [(1 - p) ** n, 0];
  for (let x = 0; x <= n; x++) {
    if (x >= k) sum += term;
    term *= ((n - x) / (x + 1)) * (p / (1 - p));
  }
  return Math.min(1, sum);
}
