// Child of bench/rollout: raw MQTT devices that say hello, note to the microsecond when a deployment is desired of them, and
// report it as active at once. No firmware: it would be measured with the platform.
import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { decode, encode } from '../../libs/wire/dist/index.js';
import { connectPacket } from '../fleet/connect-packet.mjs';

const PUBLISH = 3;
const PUBACK = 4;
const CONNACK = 2;
const SUBACK = 9;
const now = () => performance.timeOrigin + performance.now();

/** @type {Map<string, ReturnType<typeof probe>>} */
const probes = new Map();

function probe(task, { name, token }) {
  const id = `${task.project}/${name}`;
  const bootId = (1n << 32n) | BigInt(randomBytes(4).readUInt32BE());
  const topicOf = (last) => `fleet/1/${id}/${last}`;
  const hello = {
    ...task.hello,
    opSet: Buffer.from(task.hello.opSet, 'hex'),
    ownOpSet: Buffer.from(task.hello.ownOpSet, 'hex'),
    slots: [{ digest: new Uint8Array(32), state: 'empty', releaseSequence: 0, bytes: 0 }],
  };
  let sequence = 0;
  let packetId = 0;
  /** Packet identifier of the state that was reported, and what waits for it. */
  let reporting;
  const envelope = () => ({ component: 'model', bootId, sequence: sequence++, uptimeMs: sequence });
  const socket = createConnection({ host: '127.0.0.1', port: task.port, noDelay: true }, () =>
    socket.write(connectPacket(id, token)),
  );
  const publish = (topic, payload) => {
    packetId = (packetId % 65_535) + 1;
    const name = Buffer.from(topicOf(topic));
    const head = Buffer.from([name.length >> 8, name.length & 0xff]);
    socket.write(
      packet(0x32, Buffer.concat([head, name, Buffer.from([packetId >> 8, packetId & 0xff]), payload])),
    );
    return packetId;
  };
  let ready;
  const greeted = new Promise((resolve, reject) => {
    ready = resolve;
    socket.on('error', reject);
  });
  const on = (type, flags, body) => {
    if (type === CONNACK) {
      if (body[1] !== 0) throw new Error(`${id} was refused with ${body[1]}`);
      const filter = Buffer.from(topicOf('down/#'));
      const head = Buffer.from([0, 1, filter.length >> 8, filter.length & 0xff]);
      socket.write(packet(0x82, Buffer.concat([head, filter, Buffer.from([1])])));
    } else if (type === SUBACK) publish('up/hello', encode('hello', { ...envelope(), ...hello }));
    else if (type === PUBACK) {
      if (reporting?.packetId === body.readUInt16BE(0)) {
        process.send({
          event: 'active',
          device: name,
          deployment: reporting.deployment,
          atMs: now(),
          sentMs: reporting.sentMs,
        });
        reporting = undefined;
      }
    } else if (type === PUBLISH) {
      const atMs = now();
      const end = 2 + body.readUInt16BE(0);
      const qos = (flags >> 1) & 3;
      if (qos > 0) socket.write(Buffer.from([0x40, 2, body[end], body[end + 1]]));
      if (!body.subarray(2, end).toString().endsWith('/down/desired')) return;
      const desired = decode('desired', body.subarray(qos > 0 ? end + 2 : end));
      ready();
      if (desired.manifest === undefined || desired.deployment === 0) return;
      process.send({ event: 'desired', device: name, deployment: desired.deployment, atMs });
      if (!task.reports) return;
      const { deployment, revision } = desired;
      const state = { ...envelope(), deployment, revision, updateState: 'active' };
      reporting = { deployment, sentMs: now() };
      reporting.packetId = publish('up/state', encode('state', state));
    }
  };
  socket.on('data', packets(on));
  return { greeted, close: () => socket.destroy() };
}

/** One MQTT packet. */
function packet(head, body) {
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest > 127 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}

/** Cuts a stream into packets. */
function packets(on) {
  let rest = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      let at = 1;
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        if (at >= rest.length) return;
        const byte = rest[at++];
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 128) break;
      }
      if (rest.length < at + length) return;
      on(rest[0] >> 4, rest[0] & 15, rest.subarray(at, at + length));
      rest = rest.subarray(at + length);
    }
  };
}

process.on('message', (task) => {
  if (task.command === 'stop') {
    for (const one of probes.values()) one.close();
    process.exit(0);
  }
  connect(task).then(
    () => process.send({ event: 'ready' }),
    (error) => process.send({ event: 'error', message: error.message }),
  );
});

/** Fewer at once than the broker takes before they have said who they are. */
const WAVE = 500;

async function connect(task) {
  for (let at = 0; at < task.devices.length; at += WAVE) {
    const wave = task.devices.slice(at, at + WAVE).map((device) => {
      const one = probe(task, device);
      probes.set(device.name, one);
      return one.greeted;
    });
    await Promise.all(wave);
  }
}
