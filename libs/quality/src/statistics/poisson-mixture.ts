/**
 * Evidence that there are more, or fewer, events than expected, valid however often it is looked at.
 *
 * N counts events whose expected number under the hypothesis is at most (or at least) L. For each factor f,
 *   f^N exp(-(f - 1) L)
 * has expectation <= 1: exactly for a Poisson count or a counting process with compensator L, and by
 * E[f^X] = 1 + p (f - 1) <= exp(p (f - 1)) for sums of independent Bernoulli trials too. f > 1 tests "at most L",
 * f < 1 "at least L". A mixture over f is an e-process (Wald 1945; Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon 2020,
 * "Time-uniform Chernoff bounds via nonnegative supermartingales", Probab. Surv. 17), so by Ville's inequality it ever
 * reaches 1/alpha with a chance of at most alpha. A finite mixture, because it is exact and needs no special function.
 */

const more = [1.3, 1.7, 2.2, 3, 4.5, 7, 12, 25];
const fewer = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.75];

/** E-value against "at most `expected` events". Grows with `events`, falls with `expected`. */
export const evidenceOfMore = (events: number, expected: number): number => mixture(more, events, expected);

/** E-value against "at least `expected` events". */
export const evidenceOfFewer = (events: number, expected: number): number => mixture(fewer, events, expected);

function mixture(factors: readonly number[], events: number, expected: number): number {
  let sum = 0;
  for (const f of factors) {
    // In logarithms, because f^events overflows; 0^0 is 1.
    const power = events === 0 ? 0 : events * Math.log(f);
    sum += Math.exp(power - (f - 1) * expected);
  }
  return sum / factors.length;
}

/** Always-valid lower bound of the expected number, at level alpha of this side. */
export function lowerExpected(events: number, alpha: number): number {
  // The evidence falls with the expectation: the bound is the smallest one that is not rejected.
  return evidenceOfMore(events, 0) < 1 / alpha
    ? 0
    : bisect(0, events, (expected) => evidenceOfMore(events, expected) >= 1 / alpha);
}

/** Always-valid upper bound of the expected number, at level alpha of this side. */
export function upperExpected(events: number, alpha: number): number {
  let high = 2 * events + 10;
  while (evidenceOfFewer(events, high) < 1 / alpha) high *= 2;
  return bisect(events, high, (expected) => evidenceOfFewer(events, expected) < 1 / alpha);
}

/** The end of the range in which `holds` is true, which begins at `low`. To 1e-4 of the range. */
function bisect(low: number, high: number, holds: (x: number) => boolean): number {
  let [from, to] = [low, high];
  for (let i = 0; i < 40 && to - from > 1e-4 * (high - low); i++) {
    const middle = (from + to) / 2;
    if (holds(middle)) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}
