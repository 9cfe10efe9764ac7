/**
 * Events between domains and to browsers: one typed map, `noun.verb`. An event is a row of the outbox, written
 * in the transaction of its cause, numbered per project and delivered at least once.
 */
import { z } from './zod.js';
import {
  AlertKind,
  AlertSeverity,
  AlertState,
  AlertVerdict,
  BuildState,
  BulkActionState,
  DeploymentState,
  DeviceCommandState,
  Presence,
  ReleaseState,
  RetentionKind,
  RolloutState,
} from './resources/index.js';

const alert = {
  alert: z.int(),
  kind: AlertKind,
  severity: AlertSeverity,
  verdict: AlertVerdict.nullable(),
  subject: z.string(),
  title: z.string(),
};

export const eventSchemas = {
  'device.registered': z
    .object({ device: z.string() })
    .describe('A device is known: made by hand, by the API, or by itself'),
  'device.updated': z
    .object({ device: z.string() })
    .describe('What is noted about a device has changed, its state too'),
  'devices.updated': z
    .object({ devices: z.array(z.string()) })
    .describe('A bulk action changed many devices; at most 1,000 an event'),
  'bulk-action.changed': z
    .object({
      action: z.string(),
      state: BulkActionState,
      matched: z.int(),
      handled: z.int(),
      changed: z.int(),
    })
    .describe('A bulk action that runs as a job was begun, did a part, or is over'),
  'device.imported': z
    .object({ import: z.string(), added: z.int(), updated: z.int() })
    .describe('Devices came from a file; there is no event for each of them'),
  'device.removed': z.object({ device: z.string() }).describe('A device is gone, with its history'),
  'credential.changed': z
    .object({ device: z.string(), change: z.enum(['issued', 'revoked', 'expiring']) })
    .describe('A token or certificate of a device was issued, revoked, or ends soon'),
  'authority.changed': z
    .object({ authority: z.string() })
    .describe('A certificate authority was added, changed or removed'),
  'device.reported': z
    .object({ devices: z.array(z.string()) })
    .describe('Devices said hello or reported their state'),
  'presence.changed': z
    .object({ devices: z.array(z.object({ device: z.string(), presence: Presence })) })
    .describe('Devices connected, fell asleep, fell silent or are lost'),
  'group.changed': z.object({ group: z.string() }).describe('A group was made, changed or removed'),
  'command.changed': z
    .object({
      device: z.string(),
      id: z.string(),
      command: z.string(),
      state: DeviceCommandState,
    })
    .describe('A command to a device was queued, sent, taken or refused'),
  'key.changed': z
    .object({ keyId: z.string(), state: z.string() })
    .describe('A signing key of the project is new or has another state'),
  'model.imported': z
    .object({ model: z.string(), version: z.string() })
    .describe('A model version was imported'),
  'firmware.imported': z
    .object({ firmware: z.string(), version: z.string(), deviceType: z.string() })
    .describe('An image of firmware was brought in'),
  'firmware.removed': z
    .object({ firmware: z.string(), version: z.string() })
    .describe('A version of firmware is gone, with its images'),
  'build.changed': z
    .object({
      model: z.string(),
      version: z.string(),
      deviceType: z.string(),
      state: BuildState,
      progress: z.number(),
      stage: z.string(),
    })
    .describe('A build has another state, or got further'),
  'release.created': z.object({ release: z.string() }).describe('A release was made'),
  'release.signed': z.object({ release: z.string() }).describe('The manifests of a release are signed'),
  'release.changed': z
    .object({ release: z.string(), state: ReleaseState, reason: z.string() })
    .describe('A release was validated, approved, deprecated or revoked'),
  'rollout.changed': z
    .object({
      number: z.int(),
      release: z.string(),
      state: RolloutState,
      reason: z.string(),
      step: z.int(),
      counts: z.partialRecord(DeploymentState, z.int()),
    })
    .describe('A rollout has another state, step or counts'),
  'deployment.changed': z
    .object({
      rollout: z.int(),
      device: z.string(),
      state: DeploymentState,
      offset: z.int(),
      bytes: z.int(),
    })
    .describe("One device's part of a rollout has another state, or got further"),
  'telemetry.committed': z
    .object({ windows: z.int(), devices: z.int(), inferences: z.int() })
    .describe('Telemetry of some devices was stored'),
  'telemetry.expired': z
    .object({ removed: z.partialRecord(RetentionKind, z.int()) })
    .describe('Rows whose time was over were removed; how many, by kind'),
  'labels.committed': z.object({ labels: z.int() }).describe('Labels of predictions were stored'),
  'alert.opened': z.object(alert).describe('Something moved that nobody knew of'),
  'alert.reopened': z.object(alert).describe('An alert that was over came back'),
  'alert.changed': z
    .object({ alert: z.int(), state: AlertState, by: z.string() })
    .describe('An alert was acknowledged, muted, or commented on'),
  'alert.escalated': z
    .object({ ...alert, owner: z.string().nullable() })
    .describe('An alert that nobody acknowledged in time is critical'),
  'alert.resolved': z
    .object({ ...alert, by: z.string() })
    .describe('An alert is over: somebody said so, or it was calm again'),
  'baseline.declared': z
    .object({ baseline: z.int() })
    .describe('A period was declared healthy; everything is judged against it from now on'),
  'quality.configured': z.object({ budget: z.string() }).describe('What drift is judged by was changed'),
  'webhook.disabled': z
    .object({ webhook: z.string(), reason: z.string() })
    .describe('A webhook was disabled, because it failed for too long or said that it is gone'),
  'project.changed': z.object({ project: z.string() }).describe('The project was changed'),
} as const;

export type EventName = keyof typeof eventSchemas;
export type EventData<N extends EventName> = z.infer<(typeof eventSchemas)[N]>;
/** One event as server-sent: `id:` = number, `event:` = name, `data:` = this as JSON. */
export type ProjectEvent = {
  [N in EventName]: { number: number; name: N; at: string; data: EventData<N> };
}[EventName];
