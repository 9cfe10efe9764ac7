// ingest.lost: the server is killed in the middle of full load, again and again. What was acknowledged has to be in the table
// before anything is sent again, and what is sent again must be there once, in the table and in the rollups.
import { child } from '../fleet/child.mjs';
import { until } from '../fleet/product-api.mjs';
import { startFleetDatabase } from './fleet-database.mjs';
import { FIRST_SEQUENCE, telemetryPayload } from './payload.mjs';
import { startServer } from './server.mjs';

const DEVICES = 1_000;
const IN_FLIGHT = 10;
const FOLD_LIMIT_MS = 120_000;

/** @param {{ kills: number, surgeMs: number, onStep: (text: string) => void }} how */
export async function measureLost({ kills, surgeMs, onStep }) {
  const bench = await startFleetDatabase(DEVICES);
  const load = child(new URL('load.mjs', import.meta.url), [], []);
  const { payload, sequenceAt } = await telemetryPayload({ startUnixMs: Date.now() - 60_000 });
  let server = await startServer(bench);
  try {
    let missing = 0;
    let repeated = 0;
    let acknowledged = 0;
    let checkedUpTo = new Array(DEVICES).fill(FIRST_SEQUENCE);
    for (let i = 0; i < kills; i++) {
      onStep(`kill ${i + 1} of ${kills}`);
      const surging = await load.ask({
        command: 'surge',
        port: server.mqttPort,
        tokens: bench.tokens,
        inFlight: IN_FLIGHT,
        payload: payload.toString('base64'),
        sequenceAt,
        firstSequence: FIRST_SEQUENCE,
      });
      if (surging.error) throw new Error(surging.error);
      // Not always at the same moment of a batch.
      await new Promise((resolve) => setTimeout(resolve, surgeMs * (0.75 + Math.random() / 2)));
      const over = load.next();
      await server.kill();
      const { devices, error } = await over;
      if (error) throw new Error(error);
      missing += await countMissing(bench.database, devices, checkedUpTo);
      checkedUpTo = devices.map(({ next }) => next);
      repeated += devices.reduce((sum, { pending }) => sum + pending.length, 0);
      server = await startServer(bench);
      const settled = await load.ask({ command: 'settle', port: server.mqttPort });
      if (settled.error) throw new Error(settled.error);
      acknowledged = settled.acknowledged;
    }
    // Of everything ever sent, now that all of it is acknowledged.
    const [{ rows, keys }] = await bench.database.query(
      `select count(*)::int as rows, count(distinct (device_id, boot_id, seq))::int as keys from telemetry_window`,
    );
    missing += Math.max(0, acknowledged - keys);
    let folded;
    await until(FOLD_LIMIT_MS, async () => {
      const [sums] = await bench.database.query(
        `select (select count(*)::int from telemetry_batch where folded_at is null) as open,
           (select coalesce(sum(windows), 0)::int from rollup_hour) as hours,
           (select coalesce(sum(windows), 0)::int from rollup_device_day) as days`,
      );
      folded = sums;
      return sums.open === 0;
    });
    const duplicates = rows - keys + Math.abs(folded.hours - rows) + Math.abs(folded.days - rows);
    return { kills, acknowledged, repeated, missing, duplicates };
  } finally {
    load.process.send({ command: 'stop' });
    await server.stop();
    await bench.stop();
  }
}

/** Sequence numbers that were acknowledged since the last kill and have no row. */
async function countMissing(database, devices, from) {
  const rows = await database.query(
    `select substr(d.name, 2)::int as device, w.seq::int as sequence from telemetry_window w join device d on d.id = w.device_id
     where w.seq >= $1`,
    [Math.min(...from)],
  );
  const stored = devices.map(() => new Set());
  for (const { device, sequence } of rows) stored[device].add(sequence);
  let missing = 0;
  for (const [i, { next, pending }] of devices.entries()) {
    const open = new Set(pending);
    for (let sequence = from[i]; sequence < next; sequence++)
      if (!open.has(sequence) && !stored[i].has(sequence)) missing++;
  }
  return missing;
}
