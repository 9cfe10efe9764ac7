/**
 * A watch whose frame is not what the settings say any more, or whose state cannot be used, is learned anew: from the period that
 * taught it, while those windows are kept; else from the newest rounds, as many. Rounds that were judged before are judged again
 * quietly. What was done and why is said in words.
 */
import { FleetError } from '@tinyfleet/errors';
import { BuildComparison } from '../drift/build-comparison.js';
import { parseBudget } from '../drift/page-budget.js';
import { LEAST_HEALTHY, MOST_HEALTHY } from '../alerts/alert-service.js';
import { withBuild } from './build-reference.js';
import { frameOf, startOf, teachingRounds, wordsOfOwn, type WatchFrame } from './frame.js';
import { learnWatch, type Learned, type LearnLimits } from './learn.js';
import type { NewWatch, WatchedProject, WatchMember, WatchReader, WatchRow, WatchState } from './ports.js';
import { streamsOf } from './reference.js';

/** Windows of the period that are still kept, of those that taught it, from which it is learned from again. */
const KEPT = 0.5;

export interface Relearned {
  readonly watch: NewWatch;
  readonly words: string;
}

/** What the settings ask for and the watch has not; empty: nothing. A condition is used from the next declaration on. */
export function changesOf({ settings, roundMs }: WatchedProject, { frame }: WatchRow): string[] {
  return [
    ...(frame.roundMs === roundMs
      ? []
      : [`rounds of ${roundMs / 1_000} s instead of ${frame.roundMs / 1_000} s`]),
    ...(frame.season === settings.season
      ? []
      : [`the season of a ${settings.season}, not of a ${frame.season}`]),
    ...(frame.watermark === settings.watermarkRounds
      ? []
      : [`a watermark of ${settings.watermarkRounds} rounds, not of ${frame.watermark}`]),
  ];
}

/** @returns why not, when nothing can be learned in the frame that is wanted */
export async function relearn(
  reader: WatchReader,
  given: {
    readonly project: WatchedProject;
    readonly row: WatchRow;
    readonly state: WatchState;
    readonly now: number;
    /** What it is learned anew for. */
    readonly why: string;
  },
  limits: LearnLimits,
): Promise<Relearned | string> {
  const { project, row, state, now, why } = given;
  const { scope, settings, roundMs } = project;
  const judgedMs = startOf(row.frame, row.closedRound + 1);
  const learn = async (frame: WatchFrame): Promise<Learned> =>
    await learnWatch(
      reader,
      {
        ...{
          scope,
          schema: row,
          frame,
          now,
          members: placed(state, row.frame, frame),
          budget: parseBudget(settings.budget),
        },
        devices: state.members.map(([id]) => id),
      },
      limits,
    );
  const lengthMs = row.frame.healthyRounds * row.frame.roundMs;
  const healthyRounds = Math.floor(lengthMs / roundMs);
  if (healthyRounds < LEAST_HEALTHY || healthyRounds > MOST_HEALTHY)
    return `what teaches it has ${healthyRounds} rounds of ${roundMs / 1_000} s; from ${LEAST_HEALTHY} to ${MOST_HEALTHY} do`;
  const { conditionBy } = row.frame;
  const first = { ...frameOf(settings, { fromMs: row.frame.fromMs, roundMs, healthyRounds }), conditionBy };
  // The newest rounds begin where one of its rounds does.
  const back = Math.floor((judgedMs - first.fromMs) / roundMs) - healthyRounds;
  const newest = { ...first, fromMs: startOf(first, Math.max(0, back)) };
  let frame = first;
  let learned = await learn(first);
  const expected = row.reference.presence * state.members.length * healthyRounds;
  const isKept = learned.heard >= KEPT * expected;
  if (!isKept && newest.fromMs > first.fromMs) {
    frame = newest;
    learned = await learn(newest);
  }
  const { watch, reference, members } = learned;
  if (!watch) return `only ${learned.heard} windows are kept that could teach it`;
  const isSameStreams = JSON.stringify(streamsOf(reference)) === JSON.stringify(streamsOf(row.reference));
  if (!isSameStreams) return 'what is kept shows other streams than those that are watched';
  const stored = await reader.build(scope, row);
  const made = {
    ...row,
    frame,
    reference: {
      ...(stored ? withBuild(reference, stored.baseline) : reference),
      ...(frame === first ? {} : { isNewest: true }),
    },
  };
  const isSameRounds = frame.roundMs === row.frame.roundMs && frame.fromMs === row.frame.fromMs;
  const from = frame === first ? wordsOfOwn(made) : `${wordsOfOwn(made)}: older windows are not kept`;
  const words = `learned anew for ${why}, from ${from}`;
  return {
    words,
    watch: {
      ...made,
      ...{ members, state: 'watching', reason: words, learned: watch.save() },
      compared: isSameRounds || !state.compared ? state.compared : BuildComparison.anew(state.compared),
      ...{ streamCount: state.streamCount, arl0: watch.arl0, tooLate: state.tooLate, readAtMs: now },
      closedRound: frame.healthyRounds - 1,
      // The last one that was judged whole.
      quietUntil: Math.max(frame.healthyRounds - 1, Math.floor((judgedMs - frame.fromMs) / roundMs) - 1),
    },
  };
}

/** One that has not learned yet begins again in the new frame; its rounds are compared anew when they have another length. */
export function beginAnew(
  { settings, roundMs }: WatchedProject,
  row: WatchRow,
  given: {
    readonly state: WatchState;
    readonly why: string;
    readonly now: number;
    /** Where it begins; default: where it began. */
    readonly fromMs?: number | undefined;
  },
): Relearned {
  const { state, why, now } = given;
  const { conditionBy } = row.frame;
  const fromMs = Math.floor((given.fromMs ?? row.frame.fromMs) / roundMs) * roundMs;
  const period = { fromMs, roundMs, healthyRounds: teachingRounds(settings, roundMs) };
  const frame = { ...frameOf(settings, period), conditionBy };
  const isSameRounds = roundMs === row.frame.roundMs && fromMs === row.frame.fromMs;
  const words = `begun anew for ${why}`;
  const judged = sameRound(row.closedRound + 1, row.frame, frame) - 1;
  const compared = state.compared && BuildComparison.anew(state.compared);
  return {
    words,
    watch: {
      ...{ ...row, ...state, frame, reason: words, readAtMs: now },
      members: placed(state, row.frame, frame),
      ...(isSameRounds ? {} : { closedRound: -1, quietUntil: judged, compared }),
    },
  };
}

/** Devices in their places, with the round of the new frame since which they run their version. */
const placed = ({ members }: WatchState, from: WatchFrame, to: WatchFrame): WatchMember[] =>
  members.map(([id, version, since]) => [id, version, Math.max(0, sameRound(since, from, to))]);

/** The round in which another frame's round begins. */
export const sameRound = (round: number, from: WatchFrame, to: WatchFrame): number =>
  Math.floor((startOf(from, round) - to.fromMs) / to.roundMs);

export const isUnusable = (error: unknown): error is FleetError =>
  error instanceof FleetError && error.code === 'quality.state-unusable';
