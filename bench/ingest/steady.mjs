// The server process under a steady load: how long acknowledgements take, how far rollups are behind, whether memory grows.
import { child } from '../fleet/child.mjs';
import { metric } from '../fleet/product-api.mjs';
import { median } from '../report.mjs';
import { meter } from './cpu.mjs';
import { startFleetDatabase } from './fleet-database.mjs';
import { FIRST_SEQUENCE, telemetryPayload } from './payload.mjs';
import { startServer } from './server.mjs';

const DEVICES = 1_000;
const PER_SECOND = 5_000;
const SAMPLE_MS = 1_000;

/** @param {{ warmupS: number, seconds: number, oneInFlightS: number, onStep: (text: string) => void }} how */
export async function measureSteady({ warmupS, seconds, oneInFlightS, onStep }) {
  const bench = await startFleetDatabase(DEVICES);
  const load = child(new URL('load.mjs', import.meta.url), [], []);
  let server;
  try {
    server = await startServer(bench);
    const { payload, sequenceAt } = await telemetryPayload({ startUnixMs: Date.now() - 60_000 });
    const task = {
      port: server.mqttPort,
      tokens: bench.tokens,
      payload: payload.toString('base64'),
      sequenceAt,
    };
    onStep(`one in flight, ${oneInFlightS} s`);
    const single = await ask(load, {
      ...task,
      command: 'closed',
      inFlight: 1,
      firstSequence: FIRST_SEQUENCE,
      warmupS: Math.min(warmupS, oneInFlightS),
      seconds: oneInFlightS,
    });
    onStep(`${PER_SECOND} messages a second, ${seconds} s`);
    const cpu = meter({ server: server.pid, database: process.pid, load: load.process.pid });
    const samples = [];
    let isOver = false;
    const sampling = (async () => {
      const started = performance.now();
      while (!isOver) {
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
        const atS = (performance.now() - started) / 1_000;
        if (atS < warmupS || isOver) continue;
        samples.push({
          rssMib: server.rssMib(),
          lagS: await metric(server, 'tinyfleet_rollup_lag_seconds'),
        });
      }
    })();
    const firstSequence = single.lastSequence + 1;
    const paced = await ask(load, {
      ...task,
      command: 'paced',
      perSecond: PER_SECOND,
      firstSequence,
      warmupS,
      seconds,
    });
    isOver = true;
    const perMessage = cpu(paced.acknowledged);
    await sampling;
    const [{ rows }] = await bench.database.query('select count(*)::int as rows from telemetry_window');
    const acknowledged = single.acknowledged + paced.acknowledged;
    if (rows !== acknowledged) throw new Error(`${acknowledged} were acknowledged, ${rows} are stored`);
    // A fifth at either end: one sample says little.
    const part = Math.max(1, Math.floor(samples.length / 5));
    const rss = samples.map(({ rssMib }) => rssMib);
    return {
      single,
      paced,
      cpu: perMessage,
      lagS: Math.max(...samples.map(({ lagS }) => lagS)),
      rssMib: median(rss.slice(-part)),
      rssGrowth: median(rss.slice(-part)) / median(rss.slice(0, part)),
    };
  } finally {
    load.process.send({ command: 'stop' });
    await server?.stop();
    await bench.stop();
  }
}

async function ask(load, task) {
  const result = await load.ask(task);
  if (result.error) throw new Error(result.error);
  return result;
}
