/**
 * What one can be told of live: topics, and what of them an event changes. A change says what is worth reading again, not
 * what it is now; the log of events itself is in events.ts.
 */
import { z } from './zod.js';
import type { EventData, EventName, ProjectEvent } from './events.js';
import { Name } from './names.js';

/** Rows that an event changes, or null: any of them, or which there are. */
type Rows = readonly (string | number)[] | null;
interface LiveTopicEntry {
  readonly about: string;
  /** What a row is named by; a topic without changes as a whole. */
  readonly row?: string;
  readonly events: { readonly [N in EventName]?: (data: EventData<N>) => Rows };
}

const whole = (): null => null;
const ofAlert = ({ alert }: { alert: number }): Rows => [alert];
const ofRelease = ({ release }: { release: string }): Rows => [release];

export const liveTopics = {
  fleet: {
    about: 'Which devices there are and how they are, in sum: counts, and lists by a filter',
    events: {
      'device.registered': whole,
      'device.updated': whole,
      'devices.updated': whole,
      'device.imported': whole,
      'device.removed': whole,
      'device.reported': whole,
      'presence.changed': whole,
    },
  },
  devices: {
    about: 'Each device: what is noted of it, what it reports, whether it is there',
    row: 'device',
    events: {
      'device.registered': whole,
      'device.updated': ({ device }) => [device],
      'devices.updated': ({ devices }) => devices,
      'device.imported': whole,
      'device.removed': whole,
      'device.reported': ({ devices }) => devices,
      'presence.changed': ({ devices }) => devices.map(({ device }) => device),
    },
  },
  'device-imports': { about: 'Imports of devices', events: { 'device.imported': whole } },
  'bulk-actions': {
    about: 'Bulk actions that run as jobs',
    row: 'action',
    events: { 'bulk-action.changed': ({ action }) => [action] },
  },
  groups: { about: 'Groups', row: 'group', events: { 'group.changed': ({ group }) => [group] } },
  commands: {
    about: 'Commands to a device',
    row: 'device',
    events: { 'command.changed': ({ device }) => [device] },
  },
  credentials: {
    about: 'Credentials of a device',
    row: 'device',
    events: { 'credential.changed': ({ device }) => [device] },
  },
  authorities: {
    about: 'Certificate authorities',
    row: 'authority',
    events: { 'authority.changed': ({ authority }) => [authority] },
  },
  'signing-keys': {
    about: 'Signing keys',
    row: 'keyId',
    events: { 'key.changed': ({ keyId }) => [keyId] },
  },
  models: { about: 'Models', row: 'model', events: { 'model.imported': ({ model }) => [model] } },
  firmware: {
    about: 'Firmware',
    row: 'firmware',
    events: {
      'firmware.imported': ({ firmware }) => [firmware],
      'firmware.removed': ({ firmware }) => [firmware],
    },
  },
  builds: { about: 'Builds of a model', row: 'model', events: { 'build.changed': ({ model }) => [model] } },
  releases: {
    about: 'Releases',
    row: 'release',
    events: { 'release.created': whole, 'release.signed': ofRelease, 'release.changed': ofRelease },
  },
  rollouts: {
    about: 'Rollouts: state, step and counts',
    row: 'number',
    events: { 'rollout.changed': ({ number }) => [number] },
  },
  'rollout-deployments': {
    about: 'Deployments of a rollout',
    row: 'number',
    events: { 'deployment.changed': ({ rollout }) => [rollout] },
  },
  'device-deployments': {
    about: 'Deployments of a device',
    row: 'device',
    events: { 'deployment.changed': ({ device }) => [device] },
  },
  telemetry: { about: 'Telemetry that was stored', events: { 'telemetry.committed': whole } },
  retention: { about: 'Rows whose time was over', events: { 'telemetry.expired': whole } },
  labels: { about: 'Labels of predictions', events: { 'labels.committed': whole } },
  alerts: {
    about: 'Alerts',
    row: 'alert',
    events: {
      'alert.opened': whole,
      'alert.reopened': ofAlert,
      'alert.changed': ofAlert,
      'alert.escalated': ofAlert,
      'alert.resolved': ofAlert,
    },
  },
  quality: {
    about: 'What quality is judged by',
    events: { 'baseline.declared': whole, 'quality.configured': whole },
  },
  webhooks: {
    about: 'Webhooks',
    row: 'webhook',
    events: { 'webhook.disabled': ({ webhook }) => [webhook] },
  },
  project: { about: 'The project itself', events: { 'project.changed': whole } },
} as const satisfies Record<string, LiveTopicEntry>;

export type LiveTopic = keyof typeof liveTopics;

export interface LiveChange {
  readonly topic: LiveTopic;
  /** null: any of them, or which there are. */
  readonly rows: readonly string[] | null;
}

/** What an event changes; nothing for an event of a later version. */
export function liveChangesOf(event: Pick<ProjectEvent, 'name' | 'data'>): LiveChange[] {
  return (Object.entries(liveTopics) as [LiveTopic, LiveTopicEntry][]).flatMap(([topic, { events }]) => {
    const rowsOf = events[event.name] as ((data: unknown) => Rows) | undefined;
    if (rowsOf === undefined) return [];
    return [{ topic, rows: rowsOf(event.data)?.map(String) ?? null }];
  });
}

/** At most as many in one stream; and that many characters, which every proxy lets pass. */
export const MAX_LIVE_TOPICS = 200;
export const MAX_LIVE_CHARACTERS = 7_500;

const TOPIC_PATTERN = /^([a-z0-9][a-z0-9._-]{0,62})\/([a-z-]+)(?:\/([A-Za-z0-9][\w.@-]{0,127}))?$/;
export interface LiveTopicRef {
  readonly project: string;
  readonly topic: LiveTopic;
  /** undefined: all of them. */
  readonly row: string | undefined;
}

/** Reads `project/topic` or `project/topic/row`; undefined when it is none. */
export function parseLiveTopic(text: string): LiveTopicRef | undefined {
  const [, project, topic, row] = TOPIC_PATTERN.exec(text) ?? [];
  if (project === undefined || topic === undefined || !Object.hasOwn(liveTopics, topic)) return undefined;
  const entry: LiveTopicEntry = liveTopics[topic as LiveTopic];
  if (row !== undefined && entry.row === undefined) return undefined;
  return { project, topic: topic as LiveTopic, row };
}

/** What a stream tells: `project/topic` or `project/topic/row`, several with commas. */
export const LiveTopics = z
  .string()
  .max(MAX_LIVE_CHARACTERS)
  .superRefine((text, context) => {
    const topics = text.split(',');
    const wrong = topics.filter((topic) => parseLiveTopic(topic) === undefined);
    const message =
      wrong.length > 0
        ? `no topic: ${wrong.slice(0, 5).join(', ')}; use project/topic or project/topic/row`
        : `at most ${MAX_LIVE_TOPICS} topics`;
    if (wrong.length > 0 || topics.length > MAX_LIVE_TOPICS) context.addIssue({ code: 'custom', message });
  });

/** How far a stream has come, by project: `pumps:512`, several with commas. */
export const LivePosition = z
  .string()
  .max(MAX_LIVE_CHARACTERS)
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}:\d{1,15}(,[a-z0-9][a-z0-9._-]{0,62}:\d{1,15})*$/, 'use project:number');

/** Numbers of events by project. */
export function parseLivePosition(text: string): Map<string, number> {
  return new Map(
    text.split(',').map((part) => {
      const colon = part.lastIndexOf(':');
      return [part.slice(0, colon), Number(part.slice(colon + 1))] as const;
    }),
  );
}

/** `data` of a frame, whose name is `changes`, or `reload` when it is not known any more what changed. */
export const LiveFrame = z
  .object({
    changes: z
      .array(z.string())
      .describe('`project/topic/row`, or `project/topic`: any of its rows, or which there are'),
    gone: z.array(Name).describe('Projects that were asked for and that one cannot see'),
  })
  .meta({ id: 'LiveFrame' });
