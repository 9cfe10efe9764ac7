/** Before a rollout begins: how likely its gates stop a version that is worse in a stated way, and what it would expose. */
import { wilsonInterval } from '@tinyfleet/quality';
import { replayRollout, type Replay, type ReplayPolicy } from './replay.js';
import type { VersionEffect, WorldOptions } from './world.js';

export interface Chances {
  readonly effect: VersionEffect;
  /** Played: fewer than asked for where time ran out. */
  readonly rollouts: number;
  /** Failed or paused. */
  readonly stopped: number;
  /** 95 % interval of that share, from so many rollouts. */
  readonly low: number;
  readonly high: number;
  /** Mean share of the fleet that had been offered it at the end. */
  readonly exposed: number;
  /** Median of those that reached the whole fleet; null: none did. */
  readonly hours: number | null;
  /** Median of those that were stopped; null: none was. */
  readonly stopHours: number | null;
  /** When each step had passed: medians of those that came so far. */
  readonly passedAt: readonly (number | null)[];
}

/** About 50 ms of computing for each rollout of 1,000 devices. */
export function stopChances(
  policy: ReplayPolicy,
  options: WorldOptions,
  given: {
    readonly effects: readonly VersionEffect[];
    readonly rollouts: number;
    readonly seed: number;
    /** Asked after each; no more of an effect is played then. */
    readonly isEnough?: (effect: number, played: number) => boolean;
  },
): Chances[] {
  return given.effects.map((effect, index) => {
    const replays: Replay[] = [];
    while (replays.length < given.rollouts) {
      replays.push(replayRollout(policy, { options, effect, seed: given.seed + replays.length }));
      if (given.isEnough?.(index, replays.length) === true) break;
    }
    const full = replays.filter(({ end }) => end === 'full');
    const stopped = replays.length - full.length;
    return {
      effect,
      rollouts: replays.length,
      stopped: stopped / replays.length,
      ...wilsonInterval(stopped, replays.length),
      exposed: replays.reduce((sum, { exposed }) => sum + exposed, 0) / replays.length,
      hours: median(full.map(({ hours }) => hours)),
      stopHours: median(replays.filter(({ end }) => end !== 'full').map(({ hours }) => hours)),
      passedAt: policy.steps.map((_, step) =>
        median(replays.flatMap(({ passedAt }) => passedAt[step] ?? [])),
      ),
    };
  });
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? null;
}
