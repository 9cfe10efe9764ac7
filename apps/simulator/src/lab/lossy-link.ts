/**
 * A device's TCP connection over a bad network, in virtual time: segments that are delayed, lost and sent again in order,
 * connections that break or go silent. The model is TCP as its user sees it: bytes arrive in order or the connection ends;
 * loss costs time and bytes on the wire.
 */
import type { Random } from '@tinyfleet/sensors';
import type { DeviceLink } from '../network/device-link.js';
import type { PlatformConnection, ScriptedPlatform } from './scripted-platform.js';
import type { VirtualTime } from './virtual-time.js';

export interface NetworkConditions {
  /** One way. */
  readonly latencyMs: number;
  /** Each segment takes up to so much longer. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  /** Largest TCP payload of a segment. */
  readonly segmentBytes: number;
  /** Probability that a segment is lost, each time it is sent, 0..1. */
  readonly loss: number;
  /** Bytes that the firmware is given at a time. */
  readonly readBytes: number;
  /** Mean time after which a connection is reset by the network; 0 = never. */
  readonly resetMeanMs: number;
  /** Mean time after which a connection goes silent without an end (half-open); 0 = never. */
  readonly silenceMeanMs: number;
}

export const GOOD_NETWORK: NetworkConditions = {
  latencyMs: 20,
  jitterMs: 5,
  bytesPerSecond: 1e6,
  segmentBytes: 1_400,
  loss: 0,
  readBytes: 4_096,
  resetMeanMs: 0,
  silenceMeanMs: 0,
};

/** GPRS as it is: long, slow, uneven. */
export const SLOW_NETWORK: NetworkConditions = {
  ...GOOD_NETWORK,
  latencyMs: 400,
  jitterMs: 300,
  bytesPerSecond: 4_000,
  segmentBytes: 536,
};

export interface LinkTraffic {
  /** IP and TCP headers, repeated segments and acknowledgements included. */
  wireBytes: number;
  connects: number;
  resets: number;
  /** Connections that went silent. */
  silences: number;
}

/** IPv4 and TCP header with time stamps. */
const HEADER_BYTES = 52;
/** RFC 6298: first retransmission timeout, at least; it doubles. */
const RETRANSMIT_MIN_MS = 1_000;
/** Sendings of one segment until the connection is given up: about a minute. */
const SENDINGS_MAX = 6;

/** One direction: what was sent arrives in order, at its time. */
class Direction {
  private freeAtMs = 0;
  private lastArrivalMs = 0;

  constructor(
    private readonly time: VirtualTime,
    private readonly conditions: NetworkConditions,
    private readonly random: Random,
    private readonly traffic: LinkTraffic,
    private readonly broken: () => void,
  ) {}

  send(bytes: Uint8Array, arrive: (segment: Uint8Array) => void): void {
    const { segmentBytes, bytesPerSecond, latencyMs, jitterMs, loss } = this.conditions;
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const segment = bytes.slice(at, at + segmentBytes);
      const timeout = Math.max(RETRANSMIT_MIN_MS, 3 * latencyMs);
      let sendings = 1;
      let lostMs = 0;
      while (sendings < SENDINGS_MAX && this.random.uniform() < loss)
        lostMs += timeout * 2 ** (sendings++ - 1);
      this.traffic.wireBytes += sendings * (segment.length + HEADER_BYTES) + HEADER_BYTES;
      if (sendings === SENDINGS_MAX) {
        this.time.after(lostMs, this.broken);
        return;
      }
      const wireMs = ((segment.length + HEADER_BYTES) / bytesPerSecond) * 1_000;
      this.freeAtMs = Math.max(this.freeAtMs, this.time.nowMs) + wireMs;
      const arrivalMs = this.freeAtMs + latencyMs + this.random.uniform() * jitterMs + lostMs;
      this.lastArrivalMs = Math.max(this.lastArrivalMs, arrivalMs);
      this.time.at(this.lastArrivalMs, () => arrive(segment));
    }
  }
}

export class LossyLink implements DeviceLink {
  readonly traffic: LinkTraffic = { wireBytes: 0, connects: 0, resets: 0, silences: 0 };
  /** Changed between two connections only. */
  conditions: NetworkConditions;
  /** The broker is down while true: connecting fails. */
  refused = false;
  private state: 'closed' | 'connecting' | 'open' | 'gone' = 'closed';
  private inbox: Uint8Array[] = [];
  private epoch = 0;
  private outage = false;
  private silent = false;
  private peer: PlatformConnection | null = null;
  private up: Direction | null = null;

  constructor(
    private readonly time: VirtualTime,
    private readonly platform: ScriptedPlatform,
    private readonly random: Random,
    conditions: NetworkConditions,
    private readonly wake: () => void,
  ) {
    this.conditions = conditions;
  }

  get inUse(): boolean {
    return this.state !== 'closed';
  }

  setOutage(outage: boolean): void {
    this.outage = outage;
    if (outage) this.reset();
  }

  /** The connection breaks, as when the broker's process dies; what was on its way is gone. */
  reset(): void {
    if (this.state !== 'open' && this.state !== 'connecting') return;
    this.traffic.resets++;
    this.drop('gone');
    this.wake();
  }

  netOpen(): number {
    if (this.state === 'open') return 1;
    if (this.state === 'connecting') return 0;
    if (this.outage || this.refused || this.state === 'gone') {
      this.drop('closed');
      return -1;
    }
    this.connect();
    return 0;
  }

  netSend(data: Uint8Array): number {
    if (this.state !== 'open') return -1;
    if (this.silent) return data.length;
    const epoch = this.epoch;
    this.up!.send(data, (segment) => {
      if (epoch === this.epoch && !this.silent) this.peer?.receive(Buffer.from(segment));
    });
    return data.length;
  }

  netReceive(into: Uint8Array): number {
    const head = this.inbox[0];
    if (head === undefined) return this.state === 'open' ? 0 : -1;
    const n = Math.min(head.length, into.length, this.conditions.readBytes);
    into.set(head.subarray(0, n));
    if (n === head.length) this.inbox.shift();
    else this.inbox[0] = head.subarray(n);
    return n;
  }

  netClose(): void {
    this.drop('closed');
  }

  private connect(): void {
    const { conditions, random, time, traffic } = this;
    const epoch = ++this.epoch;
    this.state = 'connecting';
    this.silent = false;
    const broken = () => {
      if (epoch === this.epoch) this.reset();
    };
    this.up = new Direction(time, conditions, random, traffic, broken);
    const down = new Direction(time, conditions, random, traffic, broken);
    const current = () => epoch === this.epoch && !this.silent;
    // The handshake costs a round trip, and what its segments lose.
    this.up.send(new Uint8Array(1), () =>
      down.send(new Uint8Array(1), () => {
        if (!current()) return;
        this.state = 'open';
        traffic.connects++;
        this.peer = this.platform.accept(
          (bytes) =>
            down.send(bytes, (segment) => {
              if (!current()) return;
              this.inbox.push(segment);
              this.wake();
            }),
          broken,
        );
        this.wake();
        this.later(conditions.resetMeanMs, broken);
        this.later(conditions.silenceMeanMs, () => {
          if (!current()) return;
          this.silent = true;
          traffic.silences++;
        });
      }),
    );
  }

  private later(meanMs: number, run: () => void): void {
    if (meanMs > 0) this.time.after(-Math.log(1 - this.random.uniform()) * meanMs, run);
  }

  private drop(state: 'closed' | 'gone'): void {
    this.epoch++;
    this.state = state;
    this.inbox = [];
    this.peer = null;
  }
}
