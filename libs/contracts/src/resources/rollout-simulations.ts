/** A rollout played through before it begins, many times, on a fleet like the project's own. */
import { z } from '../zod.js';
import { Name } from '../names.js';
import { RolloutCreate, RolloutPlan } from './rollouts.js';

export const SimulationRequest = z
  .object({
    /** The same seed, records and request give the same answer. Default: from the seed of the plan. */
    seed: z.int().min(0).max(4_294_967_295).optional(),
    /** recorded: rates, spread and absences of the target's own telemetry. simulated: of an assumed fleet, which is stated. */
    source: z.enum(['recorded', 'simulated']).default('recorded'),
    /** Of telemetry. */
    days: z.int().min(1).max(31).default(7),
    /** Points of accuracy by which the new version is worse. With 0 the timeline has times. */
    worseBy: z.array(z.number().min(0).max(100)).min(1).max(10).default([0, 1, 2, 5, 10]),
    /** Rollouts played for each. */
    rollouts: z.int().min(10).max(1_000).default(100),
    /** List who is in which step. */
    members: z.boolean().default(false),
  })
  .meta({ id: 'SimulationRequest' });
export const RolloutPlanRequest = RolloutCreate.safeExtend({ simulate: SimulationRequest.optional() });
export type RolloutPlanInput = z.input<typeof RolloutPlanRequest>;

const hours = z.number().nullable();
export const RolloutSimulation = z
  .object({
    seed: z.int(),
    source: z.enum(['recorded', 'simulated']),
    /** What it rests on and what it leaves out, in sentences. */
    assumptions: z.array(z.string()),
    /** The fleet that was played stands for the target in its shares. */
    devices: z.int(),
    timeline: z.array(
      z.object({
        step: z.int(),
        /** Of the target. */
        percent: z.number(),
        devices: z.int(),
        /** After the start, for a version that is as good as the old one: medians. Null: none of them came so far. */
        beginsHours: hours,
        endsHours: hours,
        strata: z.array(z.object({ type: Name, site: z.string(), devices: z.int() })),
      }),
    ),
    chances: z.array(
      z.object({
        worseBy: z.number(),
        /** Played in the time there was. */
        rollouts: z.int(),
        /** Share that was stopped or paused, and its 95 % interval. */
        stopped: z.number(),
        low: z.number(),
        high: z.number(),
        /** Mean share of the target that had been offered it, percent. */
        exposedPercent: z.number(),
        /** Medians, of those that were stopped and of those that reached all devices. */
        stopHours: hours,
        fullHours: hours,
      }),
    ),
    /** In the order in which they are offered it; step null: held back to the end. */
    members: z.array(z.object({ device: Name, type: Name, site: z.string(), step: z.int().nullable() })),
    /** Not listed. */
    moreMembers: z.int(),
  })
  .meta({ id: 'RolloutSimulation' });
export const SimulatedRolloutPlan = RolloutPlan.extend({
  simulation: RolloutSimulation.nullable().default(null),
}).meta({
  id: 'SimulatedRolloutPlan',
});
