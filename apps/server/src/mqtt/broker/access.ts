/**
 * Who may use which topic (DESIGN section 5): a device publishes under its own `up/` and subscribes to exact topics
 * under its own `down/`. Nobody subscribes with a wildcard: the platform's own sessions live inside this process.
 */
export const TOPIC_ROOT = 'fleet/1/';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const LEAF = /^[a-z][a-z0-9.-]{0,31}$/;

export interface DeviceAddress {
  readonly project: string;
  readonly device: string;
}

/** Reads `<project>/<device>`, the client id and username of a device. */
export function parseClientId(clientId: string): DeviceAddress | undefined {
  const slash = clientId.indexOf('/');
  if (slash < 1) return undefined;
  const project = clientId.slice(0, slash);
  const device = clientId.slice(slash + 1);
  return NAME.test(project) && NAME.test(device) ? { project, device } : undefined;
}

/**
 * The last level of a device's own up topic (`hello`, `telemetry.json`, ...), or undefined when the topic is not one
 * it may publish to. Whether the leaf is known is decided by ingest: newer firmware may know more than the server.
 */
export function ownUpLeaf(clientId: string, topic: string): string | undefined {
  return ownLeaf(clientId, topic, '/up/');
}

/** The same for subscriptions to `down/`; wildcards, `$share/` and `$SYS/` never match. */
export function ownDownLeaf(clientId: string, topic: string): string | undefined {
  return ownLeaf(clientId, topic, '/down/');
}

function ownLeaf(clientId: string, topic: string, direction: string): string | undefined {
  const prefixLength = TOPIC_ROOT.length + clientId.length + direction.length;
  if (topic.length <= prefixLength || topic.length > prefixLength + 32) return undefined;
  if (!topic.startsWith(TOPIC_ROOT)) return undefined;
  if (!topic.startsWith(clientId, TOPIC_ROOT.length)) return undefined;
  if (!topic.startsWith(direction, TOPIC_ROOT.length + clientId.length)) return undefined;
  const leaf = topic.slice(prefixLength);
  return LEAF.test(leaf) ? leaf : undefined;
}
