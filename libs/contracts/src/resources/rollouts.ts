/** Rollouts and deployments. */
import { z } from '../zod.js';
import { Name, ReleaseRef, Timestamp } from '../names.js';
import { Filter } from './devices.js';

export const RolloutState = z
  .enum(['running', 'paused', 'succeeded', 'failed', 'aborted'])
  .meta({ id: 'RolloutState' });
export const DeploymentState = z
  .enum([
    'waiting',
    'offered',
    'fetching',
    'verified',
    'staged',
    'trial',
    'soak',
    'active',
    'reverted',
    'failed',
    'incompatible',
    'silent',
    'aborted',
  ])
  .meta({ id: 'DeploymentState' });
export const Rollout = z
  .object({
    /** Counts from 1 in the project. */
    number: z.int(),
    release: ReleaseRef,
    filter: Filter,
    state: RolloutState,
    /** Why it is in this state, in words. */
    reason: z.string(),
    /** Cumulative percent of the target, e.g. [10, 50, 100]. */
    steps: z.array(z.int()),
    step: z.int(),
    createdAt: Timestamp,
    createdBy: z.string(),
    finishedAt: Timestamp.nullable(),
    deviceCount: z.int(),
    counts: z.partialRecord(DeploymentState, z.int()),
  })
  .meta({ id: 'Rollout' });
export const RolloutCreate = z.object({
  release: ReleaseRef,
  filter: Filter,
  steps: z
    .array(z.int().min(1).max(100))
    .min(1)
    .max(20)
    .default([100])
    .refine((steps) => steps.every((s, i) => i === 0 || s > (steps[i - 1] ?? 0)) && steps.at(-1) === 100, {
      message: 'steps rise and end with 100',
    }),
  /** Share of a step's devices that may fail before the rollout pauses, percent. */
  maxFailurePercent: z.number().min(0).max(100).default(5),
  /** A device that says nothing for this long counts as silent. */
  deviceTimeoutSeconds: z.int().min(10).max(604_800).default(600),
});
export const Deployment = z
  .object({
    device: Name,
    state: DeploymentState,
    step: z.int(),
    /** Bytes of the bundle stored, of all. */
    offset: z.int(),
    bytes: z.int(),
    errorCode: z.int().nullable(),
    errorTitle: z.string().nullable(),
    updatedAt: Timestamp,
  })
  .meta({ id: 'Deployment' });
