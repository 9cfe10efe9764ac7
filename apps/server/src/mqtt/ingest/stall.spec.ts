/** A fleet with one message in flight each, and a database that stalls, in virtual time. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import type { DeviceRecord, IngestStore } from '@tinyfleet/telemetry';
import { encode, packHistogram } from '@tinyfleet/wire';
import type { DeviceSession } from '../broker/session.js';
import { Ingest } from './ingest.js';
import { ingestDefaults } from './options.js';
import { Sequences } from './sequences.js';

const fleetSize = 450;
const stepMs = 1_000;
/** Between two messages, and before a device comes back. */
const pauseMs = 1_000;
const backoffMs = 10_000;

/** Hangs, or refuses at once, while it is away. */
class StalledStore implements IngestStore {
  readonly stored = new Set<string>();
  mode: 'well' | 'hangs' | 'refuses' = 'well';
  private held: (() => void)[] = [];

  async commit({ windows }: Parameters<IngestStore['commit']>[0]) {
    if (this.mode === 'hangs') await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.mode === 'refuses') throw new FleetError('storage.unreachable', { target: 'test', reason: '' });
    let duplicates = 0;
    for (const { device, message } of windows) {
      const key = `${device.device}/${message.sequence}`;
      if (this.stored.has(key)) duplicates++;
      this.stored.add(key);
    }
    return { stored: windows.length - duplicates, duplicates, refusedWindows: [] };
  }

  comeBack(): void {
    this.mode = 'well';
    for (const resolve of this.held.splice(0)) resolve();
  }
}

/** Publishes the next message when the last is acknowledged, repeats one that was not, and comes back after a while. */
class OneInFlight {
  readonly acknowledged: number[] = [];
  closings = 0;
  refusals = 0;
  private session: { closed: boolean; device: DeviceRecord } | undefined;
  private sequence = 0;

  constructor(
    private readonly device: DeviceRecord,
    private readonly ingest: Ingest,
    private readonly onClosed: () => void,
  ) {}

  connect(): void {
    if (this.ingest.batcher.isAway) {
      this.refusals++;
      setTimeout(() => this.connect(), backoffMs);
      return;
    }
    this.session = { closed: false, device: this.device };
    this.publish();
  }

  private publish(): void {
    const session = this.session!;
    const { sequence } = this;
    const message = { leaf: 'telemetry', payload: payloadOf(sequence), will: false };
    this.ingest.take(session as unknown as DeviceSession, message, (error) => {
      if (!error) {
        this.acknowledged.push(sequence);
        this.sequence++;
        setTimeout(() => this.publish(), pauseMs);
        return;
      }
      session.closed = true;
      this.closings++;
      this.onClosed();
      setTimeout(() => this.connect(), backoffMs);
    });
  }
}

const payloadOf = (sequence: number): Buffer =>
  Buffer.from(
    encode('telemetry', {
      component: 'model',
      bootId: 1n,
      sequence,
      uptimeMs: 1,
      build: new Uint8Array(8),
      schema: 0,
      startMs: 0,
      lengthMs: 1_000,
      n: 1,
      classes: packHistogram([1, 0]),
    }),
  );

describe('ingest while the database stalls', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function start() {
    const store = new StalledStore();
    const ingest = new Ingest(store, new Sequences(), { greeted() {}, wanted() {} }, ingestDefaults);
    const closedAt: number[] = [];
    const fleet = Array.from({ length: fleetSize }, (_, i) => {
      const device = { projectId: 'p', deviceId: `id-${i}`, device: `d${i}` } as unknown as DeviceRecord;
      return new OneInFlight(device, ingest, () => void closedAt.push(performance.now()));
    });
    for (const device of fleet) device.connect();
    return { store, ingest, fleet, closedAt };
  }
  async function pass(seconds: number, watch: () => void = () => {}): Promise<void> {
    for (let ms = 0; ms < seconds * 1_000; ms += stepMs) {
      await jest.advanceTimersByTimeAsync(stepMs);
      watch();
    }
  }
  const mostInOneSecond = (times: readonly number[]): number =>
    Math.max(0, ...times.map((at) => times.filter((other) => other >= at && other < at + 1_000).length));

  it.each(['hangs', 'refuses'] as const)(
    'should park everything for 10 s and close nobody when it %s',
    async (mode) => {
      const { store, ingest, fleet, closedAt } = start();
      await pass(3);
      store.mode = mode;
      await pass(10);
      expect(ingest.batcher.queued).toBe(fleetSize);
      store.comeBack();
      const before = fleet.map(({ acknowledged }) => acknowledged.length);
      await pass(3);
      expect(closedAt).toEqual([]);
      expect(fleet.every(({ acknowledged }, i) => acknowledged.length > before[i]!)).toBe(true);
    },
  );

  it.each([
    [60, 'hangs'],
    [60, 'refuses'],
    [600, 'hangs'],
    [600, 'refuses'],
  ] as const)(
    'should lose nothing of what it acknowledged in a stall of %d s that %s',
    async (seconds, mode) => {
      const { store, ingest, fleet, closedAt } = start();
      await pass(3);
      store.mode = mode;
      const began = performance.now();
      let most = 0;
      await pass(seconds, () => (most = Math.max(most, ingest.batcher.queued)));
      // Parked for 45 s, then sent away a few at a time, and not let in again.
      expect(closedAt[0]! - began).toBeGreaterThanOrEqual(44_000);
      expect(new Set(fleet.map(({ closings }) => closings))).toEqual(new Set([1]));
      expect(mostInOneSecond(closedAt)).toBeLessThanOrEqual(ingestDefaults.closingsPerSecond + 10);
      expect(ingest.batcher.isAway).toBe(true);
      expect(fleet.every(({ refusals }) => refusals > 0)).toBe(true);
      expect(most).toBeLessThanOrEqual(fleetSize);
      store.comeBack();
      const before = fleet.map(({ acknowledged }) => acknowledged.length);
      await pass(15);
      expect(ingest.batcher.isAway).toBe(false);
      expect(fleet.every(({ acknowledged }, i) => acknowledged.length > before[i]!)).toBe(true);
      for (const [i, { acknowledged }] of fleet.entries()) {
        expect(acknowledged).toEqual(acknowledged.map((_, sequence) => sequence));
        for (const sequence of acknowledged) expect(store.stored.has(`d${i}/${sequence}`)).toBe(true);
      }
    },
  );
});
