/**
 * The rounds of a watch: where they begin, how long they are, and which of them teach it. It keeps the frame that it began with,
 * whatever the settings say later, so that what it has learned stays what it was learned by.
 */
import type { FleetWatchOptions } from '../drift/fleet-watch.js';
import type { PageBudget } from '../drift/page-budget.js';
import type { QualitySettings, WatchRow } from './ports.js';

export interface WatchFrame {
  /** Of round 0. */
  readonly fromMs: number;
  readonly roundMs: number;
  /** Rounds from the first one on that teach it. */
  readonly healthyRounds: number;
  readonly watermark: number;
  readonly season: 'day' | 'week';
  readonly conditionBy: string | null;
}

const HOUR_MS = 3_600_000;

export const frameOf = (
  { watermarkRounds, season, conditionBy }: QualitySettings,
  period: Pick<WatchFrame, 'fromMs' | 'roundMs' | 'healthyRounds'>,
): WatchFrame => ({ ...period, watermark: watermarkRounds, season, conditionBy });

/** Rounds that teach a watch, at most: each of them is held for each device. */
export const MOST_ROUNDS = 2_000;
const DAY_MS = 86_400_000;

/**
 * How many first rounds teach a watch that nobody declared a period for: as many as asked for, and a day of them, for what goes round in
 * a day is unknown before. Of rounds so short that it would be too many, as many as may be.
 */
export const teachingRounds = ({ learnRounds }: QualitySettings, roundMs: number): number =>
  Math.min(MOST_ROUNDS, Math.max(learnRounds, Math.ceil(DAY_MS / roundMs)));

/** Milliseconds of the longest window that is put into rounds: devices do not end theirs to the millisecond. */
export const longestWindowMs = (roundMs: number): number => 2 * roundMs;

export const startOf = ({ fromMs, roundMs }: WatchFrame, round: number): number => fromMs + round * roundMs;
export const roundsPerHour = ({ roundMs }: WatchFrame): number => HOUR_MS / roundMs;

export function watchOptions(
  frame: WatchFrame,
  budget: PageBudget,
): Omit<FleetWatchOptions, 'devices' | 'streams' | 'groups'> {
  const { healthyRounds, watermark, season } = frame;
  return { budget, roundsPerHour: roundsPerHour(frame), healthyRounds, watermark, season };
}

const day = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

type Own = Pick<WatchRow, 'baseline' | 'frame' | 'build' | 'reference'>;

/** What devices are judged against, in words. */
export function wordsOfOwn({ baseline, frame, build, reference }: Own): string {
  const period = `${day(frame.fromMs)} to ${day(startOf(frame, frame.healthyRounds))}`;
  if (reference.isNewest) return `its own rounds of ${period}, which nobody declared healthy`;
  if (baseline !== null) return `baseline ${baseline}, declared healthy: ${period}`;
  return build
    ? `its first ${frame.healthyRounds} rounds (${period}), which nobody declared healthy`
    : `its own rounds of ${period}, which nobody declared healthy`;
}

/** What the fleet and its versions are judged against, in words. */
export const wordsOfBuild = (release: string): string => `the validation data of ${release}`;

/** All that a watch judges by, in words. */
export function wordsOfWatch(row: Own & Pick<WatchRow, 'state'>): string {
  const { state, build, frame } = row;
  const own = wordsOfOwn(row);
  if (state === 'unable') return '';
  if (!build) return own;
  return state === 'starting'
    ? `${wordsOfBuild(build.release)}: fleet and versions; devices from round ${frame.healthyRounds} on`
    : `${wordsOfBuild(build.release)}: fleet and versions; ${own}: devices and groups`;
}
