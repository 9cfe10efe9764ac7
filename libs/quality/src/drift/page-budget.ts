/**
 * How often an operator wants to be woken for nothing, in words, and what it means for every stream.
 *
 * A detector with the mean run length ARL0 gives, in the long run, 1/ARL0 false alarms a round. By linearity of expectation, whatever
 * the dependence between streams,
 *   E[false pages] = streams x rounds / ARL0 <= budget.
 * It bounds the expected number. It is not the chance of a false page, nor the share of pages that are false.
 */
import { FleetError } from '@tinyfleet/errors';
import { checkOption } from '../detectors/detector.js';

export type BudgetPeriod = 'hour' | 'day' | 'week' | 'month' | 'year';

export interface PageBudget {
  readonly pages: number;
  readonly per: BudgetPeriod;
}

const hours: Record<BudgetPeriod, number> = { hour: 1, day: 24, week: 168, month: 730.5, year: 8_766 };
const numbers = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const adverbs: Record<string, BudgetPeriod> = {
  hourly: 'hour',
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
  yearly: 'year',
};
const sentence =
  /^(?:at most )?(a|an|[a-z]+|\d+(?:\.\d+)?) (?:false )?(?:pages?|alerts?|alarms?)(?: (?:(?:a|an|per|every|each) (hour|day|week|month|year)|(hourly|daily|weekly|monthly|yearly)))$/u;

/** @throws quality.budget-unreadable */
export function parseBudget(text: string): PageBudget {
  const found = sentence.exec(text.trim().toLowerCase().replace(/\s+/gu, ' '));
  const per = found && ((found[2] as BudgetPeriod | undefined) ?? adverbs[found[3] ?? '']);
  const word = found?.[1] ?? '';
  const spelled = word === 'a' || word === 'an' ? 1 : numbers.indexOf(word);
  const pages = spelled >= 0 ? spelled : Number(word);
  // None at all would need detectors that never alarm.
  if (!per || !(pages > 0)) throw new FleetError('quality.budget-unreadable', { text });
  return { pages, per };
}

export function wordsOfBudget({ pages, per }: PageBudget): string {
  const count = Number.isInteger(pages) && pages <= 10 ? numbers[pages]! : String(pages);
  return `at most ${count} false ${pages === 1 ? 'page' : 'pages'} ${per === 'hour' ? 'an' : 'a'} ${per}`;
}

export const pagesPerHour = ({ pages, per }: PageBudget): number => pages / hours[per];

/**
 * ARL0 of each stream.
 * @param roundsPerHour looks at each stream
 * @param reserve share of the budget kept for what the model of noise gets wrong. Default one half.
 */
export function arl0OfBudget(
  budget: PageBudget,
  { streams, roundsPerHour, reserve = 0.5 }: { streams: number; roundsPerHour: number; reserve?: number },
): number {
  checkOption('streams', streams, streams >= 1, 'at least 1');
  checkOption('roundsPerHour', roundsPerHour, roundsPerHour > 0, 'above 0');
  checkOption('reserve', reserve, reserve >= 0 && reserve < 1, 'from 0 and below 1');
  return (streams * roundsPerHour) / (pagesPerHour(budget) * (1 - reserve));
}
