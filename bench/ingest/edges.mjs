// The product's edge on a Postgres of its own, the same hook without the database, and the naive pipeline, in one server
// process; and the load in another. They are measured one at a time.
import { child } from '../fleet/child.mjs';
import { meter } from './cpu.mjs';
import { FIRST_SEQUENCE, telemetryPayload } from './payload.mjs';

const CONNECTIONS = 1_000;
const IN_FLIGHT = 10;

export async function startEdges() {
  const { SERVER_NODE_FLAGS } = await import('../../libs/contracts/dist/index.js');
  const { payload, sequenceAt } = await telemetryPayload({ startUnixMs: Date.now() - 60_000 });
  const edge = child(new URL('edge.mjs', import.meta.url), [String(CONNECTIONS)], SERVER_NODE_FLAGS);
  const load = child(new URL('load.mjs', import.meta.url), [], []);
  const { ports, tokens } = await edge.next();
  let firstSequence = FIRST_SEQUENCE;
  return {
    payloadBytes: payload.length,
    /** @param {'stored' | 'hook' | 'naive'} pipeline @param {{ warmupS: number, seconds: number, inFlight?: number }} how */
    async measure(pipeline, how) {
      const cpu = meter({ server: edge.process.pid, database: edge.process.pid, load: load.process.pid });
      const result = await load.ask({
        command: 'closed',
        port: ports[pipeline],
        tokens,
        inFlight: IN_FLIGHT,
        payload: payload.toString('base64'),
        sequenceAt,
        firstSequence,
        ...how,
      });
      if (result.error) throw new Error(result.error);
      firstSequence = result.lastSequence + 1;
      return { ...result, cpu: cpu(result.acknowledged) };
    },
    async count() {
      const { rows, failures, rssBytes } = await edge.ask({ command: 'count' });
      if (failures.length > 0) throw new Error(failures.join('; '));
      return { rows, rssBytes };
    },
    /** So that every round writes to a table and an index of the same size, and ten million rows need no disk. */
    async forget() {
      await edge.ask({ command: 'forget' });
    },
    async stop() {
      load.process.send({ command: 'stop' });
      edge.process.send({ command: 'stop' });
      await edge.ended;
    },
  };
}
