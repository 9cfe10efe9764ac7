// fleet.hook: acknowledged telemetry messages per second through broker, hook, batch, COPY and commit, against the same
// hook whose commit does nothing. Interleaved, so that both meet the same machine; the ratio is that of the medians.
import { startEdges } from '../ingest/edges.mjs';
import { median } from '../report.mjs';

const ROUNDS = 8;
const SECONDS = 2;

export async function measureHook() {
  const edges = await startEdges();
  try {
    const rounds = [];
    let acknowledged = (await edges.measure('stored', { warmupS: 0, seconds: 1 })).acknowledged;
    await edges.measure('hook', { warmupS: 0, seconds: 1 });
    for (let i = 0; i < ROUNDS; i++) {
      const hook = await edges.measure('hook', { warmupS: 0, seconds: SECONDS });
      const stored = await edges.measure('stored', { warmupS: 0, seconds: SECONDS });
      acknowledged += stored.acknowledged;
      rounds.push({
        hook: hook.perSecond,
        stored: stored.perSecond,
        ratio: stored.perSecond / hook.perSecond,
      });
    }
    const { rows, rssBytes } = await edges.count();
    if (rows !== acknowledged)
      throw new Error(`${acknowledged} messages were acknowledged, ${rows} are stored`);
    const ratio = median(rounds.map(({ stored }) => stored)) / median(rounds.map(({ hook }) => hook));
    return { rounds, rssBytes, rows, bytes: edges.payloadBytes, ratio };
  } finally {
    await edges.stop();
  }
}
