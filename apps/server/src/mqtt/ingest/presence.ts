/**
 * Who is connected and by when each other device is expected. Connects and disconnects are written soon and together,
 * contact times at most once a minute and device. The table is a view for people and gates, not the broker's truth.
 */
import type { PresenceChange, PresencePolicy, PresenceStore } from '@tinyfleet/telemetry';
import type { MqttBroker } from '../broker/broker.js';
import type { DeviceSession } from '../broker/session.js';

export interface PresenceOptions extends PresencePolicy {
  /** Changes of connections are gathered this long. */
  readonly gatherMs: number;
  /** Contact times of connected devices are written this often. */
  readonly contactMs: number;
  /** The edge writes down that it lives, and looks for who has fallen silent, this often. */
  readonly pulseMs: number;
  /** Not having been able to write that for so long is an outage of ours, which stops the clocks of devices. */
  readonly outageMs: number;
  /** A device that declares a longer duty cycle, in s, counts as declaring this one. */
  readonly maxDutyS: number;
}
export const presenceDefaults: PresenceOptions = {
  gatherMs: 250,
  contactMs: 60_000,
  pulseMs: 5_000,
  outageMs: 15_000,
  maxDutyS: 366 * 86_400,
  dutyFactor: 1.25,
  gapFactor: 3,
  minWaitS: 120,
  slackFactor: 0.1,
  slackS: 5,
  gapWeight: 0.25,
  maxGapS: 30 * 86_400,
  lostFactor: 10,
  lostMinS: 86_400,
};
/** Devices told of as silent in one transaction. */
const silenceStep = 1_000;

export class Presence {
  private changes = new Map<string, PresenceChange>();
  private timer: NodeJS.Timeout | undefined;
  private contactTimer: NodeJS.Timeout | undefined;
  private pulseTimer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private pulsing: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly store: PresenceStore,
    private readonly broker: MqttBroker,
    private readonly onError: (error: unknown) => void,
    private readonly options: PresenceOptions = presenceDefaults,
  ) {}

  async start(): Promise<void> {
    await this.store.begin(this.options.outageMs / 1_000);
    this.broker.on('connected', (session) => this.note(session, true, true));
    this.broker.on('disconnected', (session) => this.note(session, false, true));
    this.contactTimer = setInterval(() => {
      for (const session of this.broker.sessions.values()) this.note(session, true, false);
    }, this.options.contactMs);
    this.pulsing = this.pulse();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.contactTimer);
    clearTimeout(this.pulseTimer);
    clearTimeout(this.timer);
    await this.pulsing;
    this.flush();
    await this.writing;
    // The next start reckons from here how long nobody could reach us.
    await this.store.pulse(this.options.outageMs / 1_000).catch(this.onError);
  }

  private note(session: DeviceSession, connected: boolean, announce: boolean): void {
    const { device } = session;
    const waiting = this.changes.get(device.deviceId);
    const began = connected && announce ? session.connectedAt : undefined;
    // Devices declare any 32 bits: what the table cannot hold would hold up the changes of all others.
    const declared =
      session.dutyCycleS === undefined ? undefined : Math.min(session.dutyCycleS, this.options.maxDutyS);
    this.changes.set(device.deviceId, {
      projectId: device.projectId,
      deviceId: device.deviceId,
      device: device.device,
      connected,
      // A wake shorter than the gathering is one change: its begin is kept.
      beganAtMs: waiting?.beganAtMs ?? began,
      connectedAtMs: session.connectedAt,
      lastSeenMs: connected && !announce ? session.lastMessageAt : Date.now(),
      dutyCycleS: declared ?? waiting?.dutyCycleS,
      defaultWaitS: Math.max(2 * device.windowS, this.options.minWaitS),
      announce: announce || (waiting?.announce ?? false),
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
      .then(() => this.store.write(changes, this.options))
      .catch((error: unknown) => {
        this.onError(error);
        if (this.stopped) return;
        // The database is away: what is newer by then wins.
        for (const change of changes)
          if (!this.changes.has(change.deviceId)) this.changes.set(change.deviceId, change);
        this.timer ??= setTimeout(() => this.flush(), 1_000);
      });
  }

  private async pulse(): Promise<void> {
    try {
      await this.store.pulse(this.options.outageMs / 1_000);
      // Also those of a pulse after which the database went away.
      await this.store.applyOutages();
      while (!this.stopped && (await this.store.announceSilence(silenceStep)) >= silenceStep);
    } catch (error) {
      this.onError(error);
    }
    if (this.stopped) return;
    this.pulseTimer = setTimeout(() => {
      this.pulsing = this.pulse();
    }, this.options.pulseMs);
  }
}
