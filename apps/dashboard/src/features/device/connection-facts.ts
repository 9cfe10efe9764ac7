/** What a timeline of connections says in figures. */
import type { Resource } from '@tinyfleet/contracts';

type Found = Pick<Resource<'DeviceConnections'>, 'from' | 'to' | 'connections' | 'recordedFrom'>;

export interface ConnectionFacts {
  /** 0..1, of the time since connections are on record. */
  readonly share: number;
  readonly count: number;
  /** Between two connections, or since the last one; milliseconds. */
  readonly longestGapMs: number;
}

export function connectionFacts({ from, to, connections, recordedFrom }: Found): ConnectionFacts {
  const begin = Date.parse(recordedFrom ?? from);
  const end = Date.parse(to);
  let [connected, longestGapMs, last] = [0, 0, begin];
  for (const one of connections) {
    const [start, stop] = [Date.parse(one.from), Date.parse(one.to)];
    connected += stop - start;
    longestGapMs = Math.max(longestGapMs, start - last);
    last = stop;
  }
  return {
    share: end > begin ? connected / (end - begin) : 0,
    count: connections.length,
    longestGapMs: Math.max(longestGapMs, end - last),
  };
}
