/**
 * Events between domains and to browsers: one typed map, `noun.verb`. An event is a row of the outbox, written
 * in the transaction of its cause, numbered per project and delivered at least once.
 */
import { z } from './zod.js';
import {
  BuildState,
  BulkActionState,
  DeploymentState,
  DeviceCommandState,
  Presence,
  RolloutState,
} from './resources/index.js';

export const eventSchemas = {
  'device.registered': z.object({ device: z.string() }),
  'device.updated': z.object({ device: z.string() }),
  /** Many at once, at most 1,000 an event. */
  'devices.updated': z.object({ devices: z.array(z.string()) }),
  /** One that runs as a job: begun, a part done, over. */
  'bulk-action.changed': z.object({
    action: z.string(),
    state: BulkActionState,
    matched: z.int(),
    handled: z.int(),
    changed: z.int(),
  }),
  /** Many at once: there is no event for each of them. */
  'device.imported': z.object({ import: z.string(), added: z.int(), updated: z.int() }),
  'device.removed': z.object({ device: z.string() }),
  'credential.changed': z.object({ device: z.string(), change: z.enum(['issued', 'revoked', 'expiring']) }),
  'authority.changed': z.object({ authority: z.string() }),
  'device.reported': z.object({ devices: z.array(z.string()) }),
  'presence.changed': z.object({ devices: z.array(z.object({ device: z.string(), presence: Presence })) }),
  'group.changed': z.object({ group: z.string() }),
  'command.changed': z.object({
    device: z.string(),
    id: z.string(),
    command: z.string(),
    state: DeviceCommandState,
  }),
  'key.changed': z.object({ keyId: z.string(), state: z.string() }),
  'model.imported': z.object({ model: z.string(), version: z.string() }),
  'build.changed': z.object({
    model: z.string(),
    version: z.string(),
    deviceType: z.string(),
    state: BuildState,
    progress: z.number(),
    stage: z.string(),
  }),
  'release.created': z.object({ release: z.string() }),
  'release.signed': z.object({ release: z.string() }),
  'rollout.changed': z.object({
    number: z.int(),
    release: z.string(),
    state: RolloutState,
    reason: z.string(),
    step: z.int(),
    counts: z.partialRecord(DeploymentState, z.int()),
  }),
  'deployment.changed': z.object({
    rollout: z.int(),
    device: z.string(),
    state: DeploymentState,
    offset: z.int(),
    bytes: z.int(),
  }),
  'telemetry.committed': z.object({ windows: z.int(), devices: z.int(), inferences: z.int() }),
  'labels.committed': z.object({ labels: z.int() }),
  'webhook.disabled': z.object({ webhook: z.string(), reason: z.string() }),
  'project.changed': z.object({ project: z.string() }),
} as const;

export type EventName = keyof typeof eventSchemas;
export type EventData<N extends EventName> = z.infer<(typeof eventSchemas)[N]>;
/** One event as server-sent: `id:` = number, `event:` = name, `data:` = this as JSON. */
export type ProjectEvent = {
  [N in EventName]: { number: number; name: N; at: string; data: EventData<N> };
}[EventName];
