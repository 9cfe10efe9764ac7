// One device's byte stream to the broker: its own TCP socket, seen through the firmware's non-blocking calls. An
// outage closes the socket and refuses new ones, as a modem without coverage does. Knows nothing of MQTT.
import { connect, type Socket } from 'node:net';
import type { DeviceLink } from './device-link.js';

/** Bytes kept on either side before the sender is told to wait. A device's largest packet is far below. */
const HIGH_WATER_BYTES = 16_384;

const GONE = -1;

export interface DeviceSocketOptions {
  readonly host: string;
  readonly port: number;
  /** Called when the firmware has reason to look at its stream again. */
  readonly wake: () => void;
}

export interface TrafficCounters {
  connects: number;
  failures: number;
  bytesIn: number;
  bytesOut: number;
}

export class DeviceSocket implements DeviceLink {
  private socket: Socket | null = null;
  private state: 'closed' | 'connecting' | 'open' | 'gone' = 'closed';
  private inbox: Buffer[] = [];
  private inboxBytes = 0;
  private outage = false;

  constructor(
    private readonly options: DeviceSocketOptions,
    private readonly traffic: TrafficCounters,
  ) {}

  /** Starts or ends an outage; a running connection is cut without a farewell. */
  setOutage(outage: boolean): void {
    this.outage = outage;
    if (outage && this.socket !== null) {
      this.drop('gone');
      this.options.wake();
    }
  }

  /** The firmware has asked for a connection and not closed it. */
  get inUse(): boolean {
    return this.state !== 'closed';
  }

  /** 1 open, 0 connecting, negative failed. */
  netOpen(): number {
    if (this.outage) return GONE;
    switch (this.state) {
      case 'open':
        return 1;
      case 'connecting':
        return 0;
      case 'gone':
        this.drop('closed');
        return GONE;
      case 'closed':
        this.start();
        return 0;
    }
  }

  /** Bytes taken; 0 while the socket is congested. `data` is copied: it is the firmware's memory. */
  netSend(data: Uint8Array): number {
    if (this.state !== 'open' || this.socket === null) return GONE;
    if (this.socket.writableLength >= HIGH_WATER_BYTES) return 0;
    this.traffic.bytesOut += data.length;
    this.socket.write(Buffer.from(data));
    return data.length;
  }

  /** Bytes given, at most `into.length`; what has arrived is delivered before a loss is told. */
  netReceive(into: Uint8Array): number {
    const head = this.inbox[0];
    if (head === undefined) return this.state === 'open' ? 0 : GONE;
    const n = Math.min(head.length, into.length);
    into.set(head.subarray(0, n));
    if (n === head.length) this.inbox.shift();
    else this.inbox[0] = head.subarray(n);
    this.inboxBytes -= n;
    if (this.inboxBytes < HIGH_WATER_BYTES) this.socket?.resume();
    return n;
  }

  netClose(): void {
    this.drop('closed');
  }

  private start(): void {
    const { host, port, wake } = this.options;
    const socket = connect({ host, port, noDelay: true });
    this.socket = socket;
    this.state = 'connecting';
    socket.on('connect', () => {
      if (this.socket !== socket) return;
      this.state = 'open';
      this.traffic.connects++;
      wake();
    });
    socket.on('data', (data) => {
      if (this.socket !== socket) return;
      this.inbox.push(data);
      this.inboxBytes += data.length;
      this.traffic.bytesIn += data.length;
      if (this.inboxBytes >= HIGH_WATER_BYTES) socket.pause();
      wake();
    });
    socket.on('drain', wake);
    const lost = () => {
      if (this.socket !== socket) return;
      if (this.state === 'connecting') this.traffic.failures++;
      this.state = 'gone';
      wake();
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  private drop(state: 'closed' | 'gone'): void {
    const socket = this.socket;
    this.socket = null;
    this.state = state;
    this.inbox = [];
    this.inboxBytes = 0;
    // After MQTT DISCONNECT the broker still gets what was written; a cut connection loses it.
    if (state === 'closed') socket?.end(() => socket.destroy());
    else socket?.destroy();
  }
}
