/** Topics `fleet/1/<project>/<device>/{up,down}/<name>`: build, parse, and what a device may use. */
import { FleetError } from '@tinyfleet/errors';
import { assertName, isName, shorten } from './names.js';

export const upTopics = ['hello', 'state', 'want', 'telemetry', 'telemetry.json', 'sample'] as const;
export const downTopics = ['desired', 'chunk', 'ask'] as const;
export type UpTopic = (typeof upTopics)[number];
export type DownTopic = (typeof downTopics)[number];

export type ParsedTopic =
  | { readonly project: string; readonly device: string; readonly direction: 'up'; readonly name: UpTopic }
  | {
      readonly project: string;
      readonly device: string;
      readonly direction: 'down';
      readonly name: DownTopic;
    };

export interface DeviceAddress {
  readonly project: string;
  readonly device: string;
}

/** @throws wire.name-invalid */
export function upTopic(address: DeviceAddress, name: UpTopic): string {
  return `fleet/1/${assertName(address.project)}/${assertName(address.device)}/up/${name}`;
}

/** @throws wire.name-invalid */
export function downTopic(address: DeviceAddress, name: DownTopic): string {
  return `fleet/1/${assertName(address.project)}/${assertName(address.device)}/down/${name}`;
}

/** What a device subscribes to: all of its own down topics. */
export function downFilter(address: DeviceAddress): string {
  return `fleet/1/${assertName(address.project)}/${assertName(address.device)}/down/#`;
}

/** What the platform's own sessions subscribe to. */
export const allUpTopics = 'fleet/1/+/+/up/#';

/** @throws wire.topic-invalid */
export function parseTopic(topic: string): ParsedTopic {
  const parsed = tryParseTopic(topic);
  if (parsed !== undefined) return parsed;
  const parts = topic.split('/');
  const reason =
    parts[0] !== 'fleet' || parts[1] !== '1'
      ? 'it does not start with fleet/1/'
      : parts.length !== 6
        ? 'it does not have six levels'
        : !isName(parts[2] ?? '') || !isName(parts[3] ?? '')
          ? 'project or device is not a valid name'
          : 'its last two levels are unknown';
  throw new FleetError('wire.topic-invalid', { topic: shorten(topic, 160), reason });
}

/** As `parseTopic`, undefined instead of an error: for the broker's hot path. */
export function tryParseTopic(topic: string): ParsedTopic | undefined {
  const parts = topic.split('/');
  if (parts.length !== 6 || parts[0] !== 'fleet' || parts[1] !== '1') return undefined;
  const [, , project = '', device = '', direction, name = ''] = parts;
  if (!isName(project) || !isName(device)) return undefined;
  if (direction === 'up' && (upTopics as readonly string[]).includes(name))
    return { project, device, direction, name: name as UpTopic };
  if (direction === 'down' && (downTopics as readonly string[]).includes(name))
    return { project, device, direction, name: name as DownTopic };
  return undefined;
}

/** Client id and username of a device. */
export function clientId(address: DeviceAddress): string {
  return `${assertName(address.project)}/${assertName(address.device)}`;
}

export function parseClientId(id: string): DeviceAddress | undefined {
  const [project = '', device = '', ...rest] = id.split('/');
  return rest.length === 0 && isName(project) && isName(device) ? { project, device } : undefined;
}

/** A device publishes only to its own known up topics. */
export function mayPublish(address: DeviceAddress, topic: string): boolean {
  const parsed = tryParseTopic(topic);
  return parsed?.direction === 'up' && parsed.project === address.project && parsed.device === address.device;
}

/** A device subscribes only below its own down/, with or without the `#` at its end. */
export function maySubscribe(address: DeviceAddress, filter: string): boolean {
  if (filter === `fleet/1/${address.project}/${address.device}/down/#`) return true;
  const parsed = tryParseTopic(filter);
  return (
    parsed?.direction === 'down' && parsed.project === address.project && parsed.device === address.device
  );
}
