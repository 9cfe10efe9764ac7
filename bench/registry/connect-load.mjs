// Child of bench/registry/connect.mjs: opens connections on raw sockets, as a fleet does when its power comes back, up to
// `outstanding` at a time, tries again like our agent (with jitter) when it is turned away, and says when all are accepted.
import { createConnection } from 'node:net';
import { connectPacket } from '../fleet/connect-packet.mjs';

let sockets = [];

/** @param {{ port: number, tokens: string[], outstanding: number }} task */
async function run({ port, tokens, outstanding }) {
  const packets = tokens.map((token, i) => connectPacket(`bench/d${i}`, token));
  const latencies = [];
  let retries = 0;
  const started = performance.now();
  const accepted = (packet) =>
    new Promise((resolve) => {
      const attempt = (delayMs) => {
        const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
        const opened = performance.now();
        let isAccepted = false;
        socket.on('connect', () => socket.write(packet));
        socket.on('data', (data) => {
          if (isAccepted || data[0] !== 0x20 || data[3] !== 0) return;
          isAccepted = true;
          latencies.push(performance.now() - opened);
          sockets.push(socket);
          resolve();
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          if (isAccepted) return;
          retries++;
          setTimeout(attempt, delayMs * (0.5 + Math.random()), Math.min(5_000, delayMs * 2));
        });
      };
      attempt(250);
    });
  let next = 0;
  const lane = async () => {
    while (next < packets.length) await accepted(packets[next++]);
  };
  await Promise.all(Array.from({ length: outstanding }, lane));
  const seconds = (performance.now() - started) / 1_000;
  latencies.sort((a, b) => a - b);
  return {
    perSecond: tokens.length / seconds,
    medianMs: latencies[latencies.length >> 1],
    lastMs: latencies.at(-1),
    retries,
  };
}

process.on('message', async (task) => {
  if (task.command === 'stop') process.exit(0);
  if (task.command === 'leave') {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    process.send({ event: 'left' });
    return;
  }
  process.send(await run(task));
});
