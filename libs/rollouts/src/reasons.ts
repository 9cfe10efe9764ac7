/** Counts devices by reason, for tables that people read. */
import type { Resource } from '@tinyfleet/contracts';

type Reasons = Resource<'Compatibility'>['cannot'];
export type NamedReason = Omit<Reasons[number], 'sample'> & { readonly sample: readonly string[] };

/** Names shown of each reason. */
export const sampleSize = 10;

/** One line for each reason, the commonest first; its sample are the first of the given names. */
export function byReason(items: readonly NamedReason[]): Reasons {
  const lines = new Map<string, { first: NamedReason; devices: number; names: string[] }>();
  for (const item of items) {
    const line = lines.get(item.reason) ?? { first: item, devices: 0, names: [] };
    lines.set(item.reason, line);
    line.devices += item.devices;
    // Many lines of one name each: enough of them, in the order given.
    if (line.names.length < sampleSize * sampleSize) line.names.push(...item.sample);
  }
  return [...lines.values()]
    .map(({ first: { reason, errorCode }, devices, names }) => ({
      reason,
      errorCode,
      devices,
      sample: [...new Set(names)].sort().slice(0, sampleSize),
    }))
    .sort((a, b) => b.devices - a.devices);
}
