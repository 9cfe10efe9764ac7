/**
 * Who listens to which device, at the process that holds the connections. A listener asks again before its time is over;
 * one that does not is forgotten. What it sees is bounded and sent in batches; numbers tell it what was left out.
 */
import type { ListenRequest } from '@tinyfleet/storage';
import { shorten } from '@tinyfleet/wire';
import { RateLimit } from '../broker/rate-limit.js';
import type { Refusal, RefusalFacts } from '../broker/refusals.js';
import type { DeviceSession } from '../broker/session.js';
import type { TappedDevice, TappedDevices } from '../broker/tapped.js';
import type { TapOptions } from './options.js';
import type { Seen, SeenBatch, SeenKind } from './seen.js';

/** Bytes that anything seen counts for besides its payload. */
const ITEM_BYTES = 64;

export interface TapExit {
  send(reply: string, batch: SeenBatch): Promise<void>;
}

export class Taps {
  private readonly devices = new Map<string, Tapped>();
  private readonly listeners = new Map<string, Listener>();
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private isStopped = false;

  constructor(
    private readonly exit: TapExit,
    private readonly isConnected: (project: string, device: string) => boolean,
    private readonly options: TapOptions,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** What the broker looks in. */
  get tapped(): TappedDevices {
    return this.devices;
  }

  get count(): number {
    return this.listeners.size;
  }

  take(request: ListenRequest): void {
    if (this.isStopped) return;
    const known = this.listeners.get(request.id);
    if (request.seconds === 0) {
      if (known) this.forget(known);
      return;
    }
    if (known) {
      this.keep(known, request.seconds);
      // The answer tells that we are here, whether or not anything was seen.
      this.flushSoon(known);
      return;
    }
    const full = this.limitReached(request.projectId);
    if (full !== undefined) {
      const { id, reply } = request;
      const batch = { id, since: Date.now(), isConnected: false, items: [], next: 0, full };
      this.exit.send(reply, batch).catch(this.onError);
      return;
    }
    const listener = new Listener(request, this.options, (mine) => this.flushSoon(mine));
    this.listeners.set(listener.id, listener);
    const key = `${request.project}/${request.device}`;
    const device = this.devices.get(key) ?? new Tapped();
    device.listeners.add(listener);
    // Refusals name long client ids shortened; both of one device begin with the same whole project.
    for (const name of [key, shorten(key)]) this.devices.set(name, device);
    this.keep(listener, request.seconds);
    this.flushSoon(listener);
  }

  refused(code: Refusal, facts: RefusalFacts): void {
    const { clientId } = facts;
    if (this.devices.size > 0 && typeof clientId === 'string')
      this.devices.get(clientId)?.refused(code, facts);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const listener of [...this.listeners.values()]) this.forget(listener);
    clearTimeout(this.timer);
    await this.sending;
  }

  /** How many listeners there may be where there are as many already. */
  private limitReached(projectId: string): number | undefined {
    const { maxListeners, maxListenersOfProject } = this.options;
    if (this.listeners.size >= maxListeners) return maxListeners;
    const mine = [...this.listeners.values()].filter((one) => one.projectId === projectId).length;
    return mine >= maxListenersOfProject ? maxListenersOfProject : undefined;
  }

  private keep(listener: Listener, seconds: number): void {
    clearTimeout(listener.end);
    const ms = Math.min(seconds, this.options.maxSeconds) * 1_000;
    listener.end = setTimeout(() => this.forget(listener), ms).unref();
  }

  private forget(listener: Listener): void {
    clearTimeout(listener.end);
    this.listeners.delete(listener.id);
    for (const [key, device] of this.devices)
      if (device.listeners.delete(listener) && device.listeners.size === 0) this.devices.delete(key);
    // The second name of the same device has no listeners any more.
    for (const [key, device] of this.devices) if (device.listeners.size === 0) this.devices.delete(key);
  }

  private flushSoon(listener: Listener): void {
    listener.isDue = true;
    this.timer ??= setTimeout(() => void this.flush(), this.options.flushMs);
  }

  /** One at a time: what is seen meanwhile waits, as far as it is let. */
  private async flush(): Promise<void> {
    const work = async (): Promise<void> => {
      for (const listener of this.listeners.values()) {
        if (!listener.isDue) continue;
        const { project, device, reply } = listener.request;
        try {
          await this.exit.send(reply, listener.batch(this.isConnected(project, device)));
        } catch (error) {
          // Its numbers are gone: the listener learns how many.
          this.onError(error);
        }
      }
    };
    this.sending = work();
    await this.sending;
    this.timer = undefined;
    for (const listener of this.listeners.values()) if (listener.isDue) this.flushSoon(listener);
  }
}

class Listener {
  readonly id: string;
  readonly projectId: string;
  end: NodeJS.Timeout | undefined;
  isDue = false;
  private readonly since = Date.now();
  private readonly rate: RateLimit;
  private readonly byteRate: RateLimit;
  private items: Seen[] = [];
  private queuedBytes = 0;
  private next = 0;

  constructor(
    readonly request: ListenRequest,
    private readonly options: TapOptions,
    private readonly onSeen: (listener: Listener) => void,
  ) {
    this.id = request.id;
    this.projectId = request.projectId;
    const now = performance.now();
    this.rate = new RateLimit(options.messagesPerSecond, options.messageBurst, now);
    this.byteRate = new RateLimit(options.bytesPerSecond, options.bytesPerSecond, now);
  }

  offer(seen: SeenKind, bytes: number): void {
    const n = this.next++;
    const now = performance.now();
    const cost = bytes + ITEM_BYTES;
    const isShown =
      this.queuedBytes + cost <= this.options.maxQueuedBytes &&
      this.rate.take(now) &&
      this.byteRate.take(now, cost);
    if (isShown) {
      this.items.push({ n, at: Date.now(), ...seen });
      this.queuedBytes += cost;
    }
    this.onSeen(this);
  }

  batch(isConnected: boolean): SeenBatch {
    const { id, since, items, next } = this;
    this.items = [];
    this.queuedBytes = 0;
    this.isDue = false;
    return { id, since, isConnected, items, next };
  }
}

/** One device and all who listen to it. Sessions of another project of the same name are not theirs. */
class Tapped implements TappedDevice {
  readonly listeners = new Set<Listener>();

  message(session: DeviceSession, message: Parameters<TappedDevice['message']>[1]): void {
    const { direction, leaf, qos, will = false } = message;
    const payload = Buffer.from(message.payload).toString('base64');
    this.offer(session, { kind: 'message', direction, leaf, qos, will, payload }, message.payload.length);
  }

  connected(session: DeviceSession, address: string): void {
    this.offer(session, { kind: 'connected', address, credential: session.credential.kind });
  }

  disconnected(session: DeviceSession): void {
    this.offer(session, { kind: 'disconnected' });
  }

  subscribed(session: DeviceSession, topic: string, qos: number): void {
    this.offer(session, { kind: 'subscribed', topic, qos });
  }

  refused(code: Refusal, facts: RefusalFacts): void {
    for (const listener of this.listeners) listener.offer({ kind: 'refused', code, facts }, 0);
  }

  private offer(session: DeviceSession, seen: SeenKind, bytes = 0): void {
    for (const listener of this.listeners)
      if (session.device.projectId === listener.projectId) listener.offer(seen, bytes);
  }
}
