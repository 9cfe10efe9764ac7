// registry.connect: ten thousand devices connect at once with their tokens, against bare aedes that checks nothing.
// Interleaved, each round with a fresh fleet of sockets; the ratio is that of the medians. A thousand handshakes are under
// way at any moment; the last pair of rounds opens all at once, where the kernel's queues and SYN timers decide.
import { child } from '../fleet/child.mjs';
import { bar, median, table } from '../report.mjs';

const DEVICES = 10_000;
const OUTSTANDING = [1_000, 1_000, 1_000, DEVICES];

export async function measureConnect() {
  const { SERVER_NODE_FLAGS } = await import('../../libs/contracts/dist/index.js');
  const flags = [...SERVER_NODE_FLAGS, '--expose-gc'];
  const server = (kind) =>
    child(new URL('connect-server.mjs', import.meta.url), [kind, String(DEVICES)], flags);
  const load = child(new URL('connect-load.mjs', import.meta.url), [], []);
  const sides = { bare: server('bare'), edge: server('edge') };
  const results = { bare: [], edge: [] };
  try {
    const ready = { bare: await sides.bare.next(), edge: await sides.edge.next() };
    for (const [round, outstanding] of OUTSTANDING.entries()) {
      for (const kind of ['bare', 'edge']) {
        const before = await sides[kind].ask({ command: 'memory' });
        const burst = await load.ask({ ...ready[kind], outstanding });
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        const after = await sides[kind].ask({ command: 'memory' });
        if (after.connected !== DEVICES) throw new Error(`${after.connected} of ${DEVICES} are connected`);
        await load.ask({ command: 'leave' });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        results[kind].push({
          ...burst,
          bytes: (after.rssBytes - before.rssBytes) / DEVICES,
          outstanding,
          first: round === 0,
        });
      }
    }
  } finally {
    load.process.send({ command: 'stop' });
    for (const side of Object.values(sides)) side.process.send({ command: 'stop' });
    await Promise.all(Object.values(sides).map((side) => side.ended));
  }
  table(
    ['10,000 connects', 'under way', 'connects/s', 'median ms', 'last ms', 'tries again', 'KB each'],
    ['bare', 'edge'].flatMap((kind) =>
      results[kind].map((one, i) => [
        `${kind === 'bare' ? 'bare aedes' : 'TinyFleet, tokens'} ${i + 1}`,
        one.outstanding,
        Math.round(one.perSecond),
        Math.round(one.medianMs),
        Math.round(one.lastMs),
        one.retries,
        one.first ? (one.bytes / 1_024).toFixed(1) : '',
      ]),
    ),
  );
  const rate = (kind) =>
    median(results[kind].filter((one) => one.outstanding < DEVICES).map((one) => one.perSecond));
  return [
    bar({
      id: 'registry.connect',
      value: rate('edge') / rate('bare'),
      bar: 0.5,
      better: 'higher',
      unit: 'x bare aedes',
      aim: true,
    }),
    bar({
      id: 'registry.connectionMemory',
      value: results.edge[0].bytes / 1_024,
      bar: 25,
      better: 'lower',
      unit: 'KB RSS per connection',
      aim: true,
    }),
  ];
}
