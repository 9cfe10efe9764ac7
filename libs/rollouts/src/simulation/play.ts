/** The part of a simulation that computes for seconds: data in, data out, for a thread of its own. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { stopChances, type Chances } from './chances.js';
import type { ReplayPolicy } from './replay.js';
import type { WorldOptions } from './world.js';

export interface PlayJob {
  readonly policy: ReplayPolicy;
  readonly world: WorldOptions;
  /** Points of accuracy. */
  readonly worseBy: readonly number[];
  readonly rollouts: number;
  readonly seed: number;
  /** Shared by all of `worseBy`; what was not played by then is left out, and the answer says how much was. */
  readonly budgetMs: number;
}

/** Whoever has a thread for it. @throws rollouts.simulation-busy, rollouts.simulations-of-project, rollouts.simulation-died */
export interface RolloutPlayer {
  play(scope: ProjectScope, job: PlayJob): Promise<Chances[]>;
}

export function play(job: PlayJob, monotonicMs: () => number = () => performance.now()): Chances[] {
  const { policy, world, worseBy, rollouts, seed, budgetMs } = job;
  const began = monotonicMs();
  const effects = worseBy.map((points) => ({
    accuracy: 0 - points / 100,
    showsInConfidence: true,
    onlyType: null,
    deathsPerDay: 0,
  }));
  // Each has its part of the time, and what those before it left over.
  const isEnough = (effect: number): boolean =>
    monotonicMs() - began >= (budgetMs * (effect + 1)) / effects.length;
  return stopChances(policy, world, { effects, rollouts, seed, isEnough });
}
