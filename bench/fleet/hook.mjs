// fleet.hook: acknowledged telemetry messages per second through broker, hook, batch, COPY and commit, against the same
// hook whose commit does nothing. Interleaved, so that both meet the same machine; the ratio is that of the medians.
import { child } from './child.mjs';
import { median } from '../report.mjs';

const CONNECTIONS = 1_000;
const IN_FLIGHT = 10;
const ROUNDS = 8;
const SECONDS = 2;
const CLASSES = 4;
const PREFIX = Buffer.from('0102030405060708', 'hex');
/** Above 65,535 CBOR writes a sequence number in exactly four bytes, so it can be counted up in place. */
const FIRST_SEQUENCE = 0x0100_0000;

export async function measureHook() {
  const { encode, packHistogram } = await import('../../libs/wire/dist/index.js');
  const counts = Array.from({ length: CLASSES * 8 }, (_, i) => (i % 8 === 7 ? 15 : i % 3));
  const payload = Buffer.from(
    encode('telemetry', {
      component: 'model',
      bootId: (1n << 32n) | 7n,
      sequence: FIRST_SEQUENCE,
      uptimeMs: 3_600_000,
      build: PREFIX,
      schema: 0,
      startMs: 3_590_000,
      lengthMs: 10_000,
      n: counts.reduce((a, b) => a + b, 0),
      startUnixMs: Date.now() - 60_000,
      classes: packHistogram(counts),
      switches: 3,
      cyclesMean: 100_000,
      cyclesMax: 120_000,
      arenaBytes: 16_000,
      firstIndex: 1_000,
    }),
  );
  const marker = Buffer.alloc(5);
  marker[0] = 0x1a;
  marker.writeUInt32BE(FIRST_SEQUENCE, 1);
  const sequenceAt = payload.indexOf(marker) + 1;

  const { SERVER_NODE_FLAGS } = await import('../../libs/contracts/dist/index.js');
  const edgeArgs = [String(CONNECTIONS), String(CLASSES), PREFIX.toString('hex')];
  const edge = child(new URL('edge.mjs', import.meta.url), edgeArgs, SERVER_NODE_FLAGS);
  const load = child(new URL('load.mjs', import.meta.url), [], []);
  try {
    const { storedPort, hookPort, tokens } = await edge.next();
    let firstSequence = FIRST_SEQUENCE;
    const measure = async (port, seconds) => {
      const result = await load.ask({
        port,
        tokens,
        inFlight: IN_FLIGHT,
        seconds,
        payload: payload.toString('base64'),
        sequenceAt,
        firstSequence,
      });
      if (result.error) throw new Error(result.error);
      firstSequence = result.lastSequence + 1;
      return result;
    };
    let acknowledged = (await measure(storedPort, 1)).acknowledged;
    await measure(hookPort, 1);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) {
      const hook = await measure(hookPort, SECONDS);
      const stored = await measure(storedPort, SECONDS);
      acknowledged += stored.acknowledged;
      rounds.push({
        hook: hook.perSecond,
        stored: stored.perSecond,
        ratio: stored.perSecond / hook.perSecond,
      });
    }
    const { rows, failures, rssBytes } = await edge.ask({ command: 'count' });
    if (rows !== acknowledged)
      throw new Error(`${acknowledged} messages were acknowledged, ${rows} are stored`);
    if (failures.length > 0) throw new Error(failures.join('; '));
    const ratio = median(rounds.map(({ stored }) => stored)) / median(rounds.map(({ hook }) => hook));
    return { rounds, rssBytes, rows, bytes: payload.length, ratio };
  } finally {
    load.process.send({ command: 'stop' });
    edge.process.send({ command: 'stop' });
    await edge.ended;
  }
}
