/** One authenticated connection of a device: its record, its limits and the way to send to it. */
import type { Client } from 'aedes';
import type { CredentialRecord, DeviceRecord } from '@tinyfleet/telemetry';
import { TOPIC_ROOT } from './access.js';
import type { BrokerOptions } from './options.js';
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

  constructor(
    private readonly client: Client,
    /** Replaced when the registry changed. */
    public device: DeviceRecord,
    /** What it proved itself with. */
    public credential: CredentialRecord,
    { options, tapped }: { readonly options: BrokerOptions; readonly tapped: TappedDevices },
  ) {
    this.tapped = tapped;
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

  close(): void {
    this.closed = true;
    this.client.close();
  }
}
