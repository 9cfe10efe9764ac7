/**
 * The platform's end of one device's stream, in memory and without a clock: answers the MQTT packets of the device with
 * packets that were encoded once. It keeps the telemetry windows only. Not a broker. Beside the scripted platform of the lab
 * because of the sweep's pace: a case lasts a millisecond or two, which signing, hashing and parsing into objects would be.
 */
import { errors } from '@tinyfleet/errors';
import { crc32, decode, encode, type Desired, type State } from '@tinyfleet/wire';

/** Something a device may fetch: what the server would send as the payload of a transfer. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** First 8 bytes of its SHA-256. */
  readonly transfer: Uint8Array;
}

export interface Offer {
  readonly desired: Desired;
  readonly payload: Payload | null;
}

export interface Wish extends Offer {
  /** Offered when the device refuses how the other one travels. */
  readonly full?: Offer;
  /** An encoded command. */
  readonly ask?: Uint8Array;
  readonly send: boolean;
}

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
/** Said before anything was fetched: the full payload is offered next. */
const METHOD_REFUSED: readonly unknown[] = [
  errors['wire.method-unsupported'].number,
  errors['wire.base-missing'].number,
];
const PINGRESP = Uint8Array.of(0xd0, 0);

export class MemoryPlatform {
  /** What every hello is answered with: a command, if there is one, and the desired release. */
  private told: Uint8Array[] = [];
  /** The command is also sent when the device tells this update state. */
  askIn: State['updateState'] | null = null;
  /** Nothing from this offset of a payload on is sent. */
  limit = Infinity;
  /** Windows that arrived, by boot id and sequence. */
  readonly windows = new Map<string, Uint8Array>();
  /** What no device may send: the first such thing. */
  problem: string | null = null;
  private payload: Payload | null = null;
  private full: Wish | null = null;
  private readonly prefix: string;
  private readonly chunks = new WeakMap<Uint8Array, Map<number, Uint8Array>>();
  private readonly offers = new WeakMap<Desired, Uint8Array>();
  private pending: Uint8Array = new Uint8Array(0);

  constructor(
    address: { readonly project: string; readonly device: string },
    private readonly reply: (packet: Uint8Array) => void,
  ) {
    this.prefix = `fleet/1/${address.project}/${address.device}/`;
  }

  /** What the device is told from now on; `send` also tells it at once, over an open session. */
  want({ desired, payload, full, ask, send }: Wish): void {
    this.full = full === undefined ? null : { ...full, send: true };
    const told = [this.packetOf(desired)];
    if (ask !== undefined) told.unshift(this.publish('ask', ask));
    this.told = told;
    this.payload = payload;
    if (send) for (const packet of told) this.reply(packet);
  }

  private packetOf(desired: Desired): Uint8Array {
    const packet = this.offers.get(desired) ?? this.publish('desired', encode('desired', desired));
    this.offers.set(desired, packet);
    return packet;
  }

  /** Forgets what came: another run begins. */
  forget(): void {
    this.windows.clear();
    this.problem = null;
  }

  /** A connection begins: nothing of an earlier one is left. */
  open(): void {
    this.pending = new Uint8Array(0);
  }

  receive(data: Uint8Array): void {
    let bytes = data;
    if (this.pending.length > 0) {
      bytes = new Uint8Array(this.pending.length + data.length);
      bytes.set(this.pending);
      bytes.set(data, this.pending.length);
    }
    let at = 0;
    for (;;) {
      let length = 0;
      let head = 1;
      for (let shift = 0; ; shift += 7, head++) {
        if (at + head >= bytes.length) break;
        length |= (bytes[at + head]! & 127) << shift;
        if (bytes[at + head]! < 128) break;
      }
      head++;
      if (at + head + length > bytes.length || at + head > bytes.length) break;
      this.packet(bytes[at]!, bytes.subarray(at + head, at + head + length));
      at += head + length;
    }
    this.pending = bytes.slice(at);
  }

  private packet(first: number, body: Uint8Array): void {
    switch (first >> 4) {
      case 1:
        return this.reply(CONNACK);
      case 3:
        return this.published(first, body);
      case 8:
        return this.subscribed(body);
      case 12:
        return this.reply(PINGRESP);
      default:
        return; // PUBACK, DISCONNECT
    }
  }

  /** Grants every filter QoS 1. */
  private subscribed(body: Uint8Array): void {
    const granted: number[] = [];
    for (let at = 2; at < body.length; at += 3 + ((body[at]! << 8) | body[at + 1]!)) granted.push(1);
    this.reply(Uint8Array.of(0x90, 2 + granted.length, body[0]!, body[1]!, ...granted));
  }

  private published(first: number, body: Uint8Array): void {
    const topicBytes = (body[0]! << 8) | body[1]!;
    const name = String.fromCharCode(...body.subarray(2 + this.prefix.length + 3, 2 + topicBytes));
    const qos = (first >> 1) & 3;
    let at = 2 + topicBytes;
    if (qos === 1) {
      this.reply(Uint8Array.of(0x40, 2, body[at]!, body[at + 1]!));
      at += 2;
    }
    const payload = body.subarray(at);
    if (name === 'hello') {
      for (const packet of this.told) this.reply(packet);
    } else if (name === 'state') {
      if (this.askIn !== null || this.full !== null) this.stated(decode('state', payload));
    } else if (name === 'want') {
      this.answer(payload);
    } else if (name === 'telemetry') {
      this.keep(payload.slice());
    }
  }

  private stated({ updateState, error }: State): void {
    if (updateState === this.askIn) this.reply(this.told[0]!);
    if (METHOD_REFUSED.includes(error) && this.full !== null) this.want(this.full);
  }

  /** A window may come twice, after a cut, but never changed. */
  private keep(payload: Uint8Array): void {
    try {
      const { bootId, sequence } = decode('telemetry', payload);
      const known = this.windows.get(`${bootId}/${sequence}`);
      this.windows.set(`${bootId}/${sequence}`, payload);
      if (known !== undefined && Buffer.compare(known, payload) !== 0)
        this.problem ??= 'a window came again, changed';
    } catch {
      this.problem ??= 'a window came that is not well-formed';
    }
  }

  private answer(bytes: Uint8Array): void {
    const { transfer, offset, count, chunkBytes = 1_024 } = decode('want', bytes);
    const { payload } = this;
    if (payload?.transfer.every((byte, i) => byte === transfer[i]) !== true) return;
    const packets = this.chunks.get(payload.bytes) ?? new Map<number, Uint8Array>();
    this.chunks.set(payload.bytes, packets);
    for (
      let i = 0, from = offset;
      i < count && from < Math.min(payload.bytes.length, this.limit);
      i++, from += chunkBytes
    ) {
      const name = from * 65_536 + chunkBytes;
      let packet = packets.get(name);
      if (packet === undefined) {
        const data = payload.bytes.slice(from, from + chunkBytes);
        packet = this.publish('chunk', encode('chunk', { transfer, offset: from, data, crc32: crc32(data) }));
        packets.set(name, packet);
      }
      this.reply(packet);
    }
  }

  private publish(name: string, payload: Uint8Array): Uint8Array {
    const topic = Buffer.from(`${this.prefix}down/${name}`);
    const length = 2 + topic.length + payload.length;
    const head = [0x30];
    for (let left = length; ; left >>= 7) {
      head.push((left & 127) | (left > 127 ? 128 : 0));
      if (left < 128) break;
    }
    return Uint8Array.of(...head, topic.length >> 8, topic.length & 255, ...topic, ...payload);
  }
}
