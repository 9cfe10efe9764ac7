/**
 * Follows what changes in the database while devices are connected: desired states are pushed, commands and new signing
 * keys go out, connections of devices that were removed, disabled or got another token are dropped. A notification wakes
 * it, a poll catches up.
 */
import type { DesiredStore } from '@tinyfleet/rollouts';
import type { MqttBroker } from '../broker/broker.js';
import type { Asks } from './asks.js';
import type { Ota } from './ota.js';

export interface RegistryChanges {
  /** Devices whose registration changed after event `after`; and the number to go on from. */
  devicesAfter(
    projectId: string,
    after: number,
  ): Promise<{
    readonly last: number;
    readonly devices: readonly string[];
    /** For which a command was queued. */
    readonly asked: readonly string[];
    /** The project has another signing key. */
    readonly keyChanged: boolean;
    /** Certificates of one of its authorities may not be good any more. */
    readonly authorityChanged: boolean;
  }>;
  lastEvents(): Promise<Map<string, number>>;
  /** Projects among these that exist. */
  existing(projectIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export interface WatcherOptions {
  /** A device that lost its right to connect is dropped within this time even when no notification came. */
  readonly pollMs: number;
  /**
   * Busy ingest notifies many times a second: between two looks it rests for as long as three of them take, at most this long. What
   * devices report wakes it too, and the answer of the engine comes right behind: a longer rest would delay every decision.
   */
  readonly gapMs: number;
}
export const watcherDefaults: WatcherOptions = { pollMs: 900, gapMs: 50 };
const pageSize = 1_000;

export class EdgeWatcher {
  private readonly revisions = new Map<string, number>();
  private readonly events = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    private readonly broker: MqttBroker,
    private readonly out: { readonly ota: Ota; readonly asks: Asks },
    private readonly desired: DesiredStore,
    private readonly registry: RegistryChanges,
    private readonly onError: (error: unknown) => void,
    private readonly options: WatcherOptions = watcherDefaults,
  ) {}

  /** Before the first device connects: what happened until now is in the answers to hello. */
  async start(): Promise<void> {
    for (const [projectId, number] of await this.registry.lastEvents()) this.events.set(projectId, number);
    for (const [id, revision] of await this.desired.lastRevisions([...this.events.keys()]))
      this.revisions.set(id, revision);
    this.timer = setInterval(() => this.wake(), this.options.pollMs);
  }

  wake(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    const began = performance.now();
    this.running = this.look()
      .catch(this.onError)
      .then(() => {
        const gapMs = Math.min(this.options.gapMs, 3 * (performance.now() - began));
        return new Promise<void>((resolve) => setTimeout(resolve, gapMs));
      })
      .finally(() => {
        this.running = undefined;
        if (!this.again) return;
        this.again = false;
        this.wake();
      });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    const projects = this.broker.followedProjects();
    if (projects.size === 0) return;
    const existing = await this.registry.existing([...projects.keys()]);
    for (const [projectId, project] of projects) {
      if (!existing.has(projectId)) {
        await this.broker.recheck(project);
        continue;
      }
      await this.followRegistry(projectId, project);
      await this.followDesired(projectId, project);
    }
  }

  private async followRegistry(projectId: string, project: string): Promise<void> {
    const { last, devices, asked, keyChanged, authorityChanged } = await this.registry.devicesAfter(
      projectId,
      this.events.get(projectId) ?? 0,
    );
    if (authorityChanged) await this.broker.recheck(project);
    else await Promise.all(devices.map((device) => this.broker.recheck(project, device)));
    for (const device of asked) {
      const session = this.broker.session(project, device);
      if (session) this.out.asks.nudge(session);
    }
    if (keyChanged) {
      for (const session of this.broker.sessions.values())
        if (session.device.projectId === projectId) this.out.asks.nudge(session);
    }
    this.events.set(projectId, last);
  }

  private async followDesired(projectId: string, project: string): Promise<void> {
    for (;;) {
      const changed = await this.desired.changedAfter(
        projectId,
        this.revisions.get(projectId) ?? 0,
        pageSize,
      );
      const pushes = changed.map(async ({ device, revision }) => {
        const session = this.broker.session(project, device);
        if (session) await this.out.ota.push(session, revision);
      });
      // Lookups of one page are joined; a peer that does not read is dropped by its drain timeout.
      await Promise.all(pushes);
      const last = changed.at(-1);
      if (!last) return;
      this.revisions.set(projectId, last.revision);
      if (changed.length < pageSize) return;
    }
  }
}
