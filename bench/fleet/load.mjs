// Child of bench/fleet.mjs: many raw MQTT connections that keep a number of telemetry messages in flight each and count
// acknowledgements. No MQTT library: it would cost more than the broker.
import { createConnection } from 'node:net';
import { connectPacket } from './connect-packet.mjs';

const PUBACK = 0x40;

/** @param {{port: number, tokens: string[], inFlight: number, seconds: number, payload: string, sequenceAt: number, firstSequence: number}} task */
async function run(task) {
  const template = Buffer.from(task.payload, 'base64');
  const loads = await Promise.all(task.tokens.map((token, i) => connect(task, template, token, i)));
  const started = performance.now();
  for (const load of loads) load.start();
  await new Promise((resolve) => setTimeout(resolve, task.seconds * 1_000));
  const acknowledged = loads.reduce((sum, load) => sum + load.acknowledged(), 0);
  const elapsedMs = performance.now() - started;
  await Promise.all(loads.map((load) => load.finish()));
  const total = loads.reduce((sum, load) => sum + load.acknowledged(), 0);
  const lastSequence = Math.max(...loads.map((load) => load.sequence()));
  return { perSecond: (acknowledged * 1_000) / elapsedMs, acknowledged: total, lastSequence };
}

function connect(task, template, token, index) {
  const id = `bench/d${index}`;
  const topic = Buffer.from(`fleet/1/bench/d${index}/up/telemetry`);
  let sequence = task.firstSequence;
  let acknowledged = 0;
  let inFlight = 0;
  let stopping = false;
  let finished = () => {};
  const publish = () => {
    const length = 2 + topic.length + 2 + template.length;
    const packet = Buffer.allocUnsafe(3 + length);
    packet[0] = 0x32;
    packet[1] = (length & 0x7f) | 0x80;
    packet[2] = length >> 7;
    let at = packet.writeUInt16BE(topic.length, 3);
    at += topic.copy(packet, at);
    at = packet.writeUInt16BE((sequence % 65_535) + 1, at);
    template.copy(packet, at);
    packet.writeUInt32BE(sequence++, at + task.sequenceAt);
    inFlight++;
    return packet;
  };
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port: task.port, noDelay: true }, () => {
      socket.write(connectPacket(id, token));
    });
    socket.on('error', reject);
    let rest = Buffer.alloc(0);
    socket.on('data', (data) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      const replies = [];
      let at = 0;
      // CONNACK and PUBACK are four bytes each, and nothing else comes.
      for (; at + 4 <= rest.length; at += 4) {
        if (rest[at] === PUBACK) {
          acknowledged++;
          inFlight--;
          if (!stopping) replies.push(publish());
        } else if (rest[at] === 0x20 && rest[at + 3] === 0) {
          resolve(load);
        } else reject(new Error(`unexpected packet ${rest[at]}, code ${rest[at + 3]}`));
      }
      rest = rest.subarray(at);
      if (replies.length > 0) socket.write(Buffer.concat(replies));
      if (stopping && inFlight === 0) finished();
    });
    const load = {
      start() {
        socket.write(Buffer.concat(Array.from({ length: task.inFlight }, publish)));
      },
      acknowledged: () => acknowledged,
      sequence: () => sequence,
      async finish() {
        stopping = true;
        if (inFlight > 0) await new Promise((done) => (finished = done));
        socket.destroy();
      },
    };
  });
}

process.on('message', (task) => {
  if (task.command === 'stop') process.exit(0);
  run(task).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.message }),
  );
});
