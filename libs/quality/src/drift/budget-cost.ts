/**
 * What a budget of false pages costs: the ARL0 of each stream, and how many rounds a CUSUM with it needs for a lasting shift. Shifts
 * are in standard deviations of a stream from round to round; the reference value is the least one (alarm-lines.ts).
 */
import type { Resource } from '@tinyfleet/contracts';
import { cusumThreshold, twoSidedRunLength } from '../detectors/cusum-run-length.js';
import { LEAST_K } from './alarm-lines.js';
import { arl0OfBudget, pagesPerHour, parseBudget, wordsOfBudget } from './page-budget.js';

const SHIFTS = [1, 2, 4];
/** What thresholds can be computed for; a fleet that asks for less or more gets these. */
const [LEAST_ARL0, GREATEST_ARL0] = [10, 1e9];

/** @param streams that share it; 0: nothing is watched. @throws quality.budget-unreadable */
export function budgetCost(
  words: string,
  { streams, roundSeconds }: { readonly streams: number; readonly roundSeconds: number },
): Omit<Resource<'BudgetCost'>, 'inForce'> {
  const budget = parseBudget(words);
  const base = {
    budget: wordsOfBudget(budget),
    falsePagesPerWeek: pagesPerHour(budget) * 168,
    roundSeconds,
    streams,
  };
  if (streams < 1) return { ...base, arl0: null, delays: [] };
  const arl0 = arl0OfBudget(budget, { streams, roundsPerHour: 3_600 / roundSeconds });
  const h = cusumThreshold(LEAST_K, Math.min(GREATEST_ARL0, Math.max(LEAST_ARL0, arl0)));
  const delays = SHIFTS.map((shift) => ({ shift, rounds: twoSidedRunLength(LEAST_K, h, shift) }));
  return { ...base, arl0, delays };
}
