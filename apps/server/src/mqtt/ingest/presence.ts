/**
 * Who is connected and when each device was last heard of. Connects and disconnects are written soon, contact times at
 * most once a minute and device. The table is a view for people and gates, not the broker's truth.
 */
import type { PresenceChange, PresenceStore } from '@tinyfleet/telemetry';
import type { MqttBroker } from '../broker/broker.js';
import type { DeviceSession } from '../broker/session.js';

export interface PresenceOptions {
  /** Changes of connections are gathered this long. */
  readonly gatherMs: number;
  /** Contact times of connected devices are written this often. */
  readonly contactMs: number;
  /** A device without a declared duty cycle that went away is expected back within this, or two windows. */
  readonly graceMs: number;
}
export const presenceDefaults: PresenceOptions = { gatherMs: 250, contactMs: 60_000, graceMs: 120_000 };

export class Presence {
  private changes = new Map<string, PresenceChange>();
  private readonly dutyCycles = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private contactTimer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: PresenceStore,
    private readonly broker: MqttBroker,
    private readonly onError: (error: unknown) => void,
    private readonly options: PresenceOptions = presenceDefaults,
  ) {}

  async start(): Promise<void> {
    await this.store.disconnectAll();
    this.broker.on('connected', (session) => this.note(session, true, true));
    this.broker.on('disconnected', (session) => this.note(session, false, true));
    this.contactTimer = setInterval(() => {
      for (const session of this.broker.sessions.values()) this.note(session, true, false);
    }, this.options.contactMs);
  }

  /** A sleeper declares how often it wakes. */
  declareDutyCycle(deviceId: string, seconds: number | undefined): void {
    if (seconds === undefined) this.dutyCycles.delete(deviceId);
    else this.dutyCycles.set(deviceId, seconds);
  }

  async stop(): Promise<void> {
    clearInterval(this.contactTimer);
    clearTimeout(this.timer);
    this.flush();
    await this.writing;
  }

  private note(session: DeviceSession, connected: boolean, announce: boolean): void {
    const { device } = session;
    const now = Date.now();
    const lastSeenMs = connected && !announce ? session.lastMessageAt : now;
    const dutyCycleS = this.dutyCycles.get(device.deviceId);
    const expectedMs =
      dutyCycleS === undefined ? Math.max(2_000 * device.windowS, this.options.graceMs) : 1_500 * dutyCycleS;
    this.changes.set(device.deviceId, {
      projectId: device.projectId,
      deviceId: device.deviceId,
      device: device.device,
      connected,
      lastSeenMs,
      nextContactByMs: now + expectedMs,
      announce: announce || (this.changes.get(device.deviceId)?.announce ?? false),
    });
    this.timer ??= setTimeout(() => this.flush(), this.options.gatherMs);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.changes.size === 0) return;
    const changes = [...this.changes.values()];
    this.changes = new Map();
    this.writing = this.writing
      .then(() => this.store.write(changes))
      .catch((error: unknown) => {
        this.onError(error);
        // The database is away: what is newer by then wins.
        for (const change of changes)
          if (!this.changes.has(change.deviceId)) this.changes.set(change.deviceId, change);
        this.timer ??= setTimeout(() => this.flush(), 1_000);
      });
  }
}
