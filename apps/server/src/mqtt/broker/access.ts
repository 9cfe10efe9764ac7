/**
 * Who may use which topic (DESIGN section 5): a device publishes under its own `up/` and subscribes under its own
 * `down/`, topic by topic or by the one filter `down/#`. No other wildcard is accepted from anybody: the platform's
 * own sessions live inside this process. Works on prefixes, because it runs for every message.
 */
export const TOPIC_ROOT = 'fleet/1/';

const LEAF = /^[a-z][a-z0-9.-]{0,31}$/;

/**
 * The last level of a device's own up topic (`hello`, `telemetry.json`, ...), or undefined when the topic is not one
 * it may publish to. Whether the leaf is known is decided by ingest: newer firmware may know more than the server.
 */
export function ownUpLeaf(clientId: string, topic: string): string | undefined {
  return ownLeaf(clientId, topic, '/up/');
}

/** The same for subscriptions to `down/`, and `#` for all of it; `+`, `$share/` and `$SYS/` never match. */
export function ownDownLeaf(clientId: string, filter: string): string | undefined {
  if (filter === `${TOPIC_ROOT}${clientId}/down/#`) return '#';
  return ownLeaf(clientId, filter, '/down/');
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
