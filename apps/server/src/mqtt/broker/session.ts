/** One authenticated connection of a device: its record, its limits and the way to send to it. */
import type { Client } from 'aedes';
import type { CredentialRecord, DeviceRecord } from '@tinyfleet/telemetry';
import { TOPIC_ROOT } from './access.js';
import type { BrokerOptions } from './options.js';
import { publishPackets } from './publish-packets.js';
import { RateLimit } from './rate-limit.js';
import type { TappedDevices } from './tapped.js';

export class DeviceSession {
  readonly connectedAt = Date.now();
  readonly rate: RateLimit;
  /** Messages handed over and not acknowledged. */
  inFlight = 0;
  subscriptions = 0;
  /** Unix ms. */
  lastMessageAt = this.connectedAt;
  closed = false;
  /** Declared in this connection's hello: how often it wakes. 0 = does not sleep, undefined = no hello yet. */
  dutyCycleS: number | undefined;
  private readonly tapped: TappedDevices;
  private readonly drainTimeoutMs: number;

  constructor(
    private readonly client: Client,
    /** Replaced when the registry changed. */
    public device: DeviceRecord,
    /** What it proved itself with. */
    public credential: CredentialRecord,
    { options, tapped }: { readonly options: BrokerOptions; readonly tapped: TappedDevices },
  ) {
    this.tapped = tapped;
    this.drainTimeoutMs = options.drainTimeoutMs;
    this.rate = new RateLimit(options.messagesPerSecond, options.messageBurst, performance.now());
  }

  get clientId(): string {
    return this.client.id;
  }

  /**
   * Sends to the device's own `down/<leaf>`, whether or not its subscription has arrived. Resolves when the socket has
   * taken the bytes, which is the back-pressure; false when the connection is gone.
   */
  send(leaf: string, payload: Buffer, qos: 0 | 1): Promise<boolean> {
    if (this.closed || this.client.closed) return Promise.resolve(false);
    this.tapped.get(this.client.id)?.message(this, { direction: 'down', leaf, payload, qos });
    const topic = `${TOPIC_ROOT}${this.client.id}/down/${leaf}`;
    return new Promise((resolve) => {
      this.client.publish({ cmd: 'publish', topic, payload, qos, dup: false, retain: false }, () =>
        resolve(!this.client.closed),
      );
    });
  }

  /**
   * Several payloads with QoS 0 in one write: one call into the system, and one into the device's, for what it asked for at
   * once. Resolves when the socket has room again, which is the back-pressure; false when the connection is gone.
   */
  sendAll(leaf: string, payloads: readonly Buffer[]): Promise<boolean> {
    if (this.closed || this.client.closed) return Promise.resolve(false);
    const tapped = this.tapped.get(this.client.id);
    for (const payload of payloads) tapped?.message(this, { direction: 'down', leaf, payload, qos: 0 });
    const { conn } = this.client;
    if (conn.write(publishPackets(`${TOPIC_ROOT}${this.client.id}/down/${leaf}`, payloads)))
      return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => conn.destroy(new Error('drain timeout')), this.drainTimeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        conn.off('drain', done);
        conn.off('close', done);
        resolve(!this.client.closed);
      };
      conn.on('drain', done);
      conn.on('close', done);
    });
  }

  close(): void {
    this.closed = true;
    this.client.close();
  }
}
