// One device on a raw socket that publishes telemetry with QoS 1 and knows what was acknowledged. No MQTT library: it would
// cost more than the broker.
import { createConnection } from 'node:net';
import { connectPacket } from '../fleet/connect-packet.mjs';

const CONNACK = 0x20;
const PUBACK = 0x40;
const PUBLISH_QOS1 = 0x32;
const DUP = 0x08;

export class Connection {
  /** Sequence -> when it was sent first, of messages that are not acknowledged. */
  pending = new Map();
  acknowledged = 0;
  /** Told the ms that a message waited for its acknowledgement. */
  onAcknowledged = () => {};

  /** @param {{ index: number, token: string, template: Buffer, sequenceAt: number, firstSequence: number }} device */
  constructor(device) {
    this.device = device;
    this.next = device.firstSequence;
    this.topic = Buffer.from(`fleet/1/bench/d${device.index}/up/telemetry`);
    this.sequences = new Map();
  }

  /** Resolves when accepted. `ended` resolves when the connection is gone. */
  async open(port) {
    const { index, token } = this.device;
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve, reject) => {
      this.onRefused = reject;
      this.onAccepted = resolve;
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('closed')));
      socket.once('connect', () => socket.write(connectPacket(`bench/d${index}`, token)));
      let rest = Buffer.alloc(0);
      socket.on('data', (data) => {
        rest = this.read(rest.length === 0 ? data : Buffer.concat([rest, data]));
      });
    });
  }

  /** CONNACK and PUBACK are four bytes each, and nothing else comes. */
  read(bytes) {
    const now = performance.now();
    let at = 0;
    let replies;
    for (; at + 4 <= bytes.length; at += 4) {
      if (bytes[at] === PUBACK) {
        const id = bytes.readUInt16BE(at + 2);
        const sequence = this.sequences.get(id);
        this.sequences.delete(id);
        this.acknowledged++;
        const sentAt = this.pending.get(sequence);
        this.pending.delete(sequence);
        this.onAcknowledged(now - sentAt);
        const reply = this.reply?.();
        if (reply) (replies ??= []).push(reply);
      } else if (bytes[at] === CONNACK && bytes[at + 3] === 0) this.onAccepted();
      else this.onRefused(new Error(`packet ${bytes[at]}, code ${bytes[at + 3]}`));
    }
    if (replies) this.socket.write(replies.length === 1 ? replies[0] : Buffer.concat(replies));
    return bytes.subarray(at);
  }

  /** The next message, as bytes to write. `at` when it was due. */
  make(at = performance.now()) {
    const sequence = this.next++;
    this.pending.set(sequence, at);
    return this.packet(sequence, false);
  }

  packet(sequence, isRepeated) {
    const { template, sequenceAt } = this.device;
    const { topic } = this;
    const length = 2 + topic.length + 2 + template.length;
    const packet = Buffer.allocUnsafe(3 + length);
    packet[0] = isRepeated ? PUBLISH_QOS1 | DUP : PUBLISH_QOS1;
    packet[1] = (length & 0x7f) | 0x80;
    packet[2] = length >> 7;
    let at = packet.writeUInt16BE(topic.length, 3);
    at += topic.copy(packet, at);
    const id = (sequence % 65_535) + 1;
    this.sequences.set(id, sequence);
    at = packet.writeUInt16BE(id, at);
    template.copy(packet, at);
    packet.writeUInt32BE(sequence, at + sequenceAt);
    return packet;
  }

  /** What was not acknowledged before goes out again. */
  repeat() {
    this.sequences.clear();
    const packets = [...this.pending.keys()].map((sequence) => this.packet(sequence, true));
    if (packets.length > 0) this.socket.write(Buffer.concat(packets));
  }

  close() {
    this.socket?.destroy();
  }
}
