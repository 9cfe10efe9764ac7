/**
 * A made-up world for bad days: the server's own modules, its broker and its database, and devices that run the firmware that
 * ships, all under one clock that a test moves. A week takes seconds, because nothing is waited for that has not begun.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { compile } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { conductorDefaults } from '@tinyfleet/rollouts';
import { readBundle } from '@tinyfleet/runtime';
import {
  batteryOf,
  DeviceSocket,
  Firmware,
  Fleet,
  InfoWord,
  parseScenario,
  ResetCause,
  Timeline,
  World as Surroundings,
  type DeviceWorld,
  type SimulatedDevice,
} from '@tinyfleet/simulator';
import { workspaceRoot } from '@tinyfleet/testing';
import { uuidv7 } from 'uuidv7';
import { presenceDefaults } from '../../src/mqtt/ingest/presence.js';
import { FleetHarness, type SeededRelease } from '../fleet-harness.js';
import { DatabaseClock } from './database-clock.js';
import { realImmediate, realNow, realSleep, VirtualClock } from './virtual-clock.js';

/** A Monday. */
const START_MS = Date.UTC(2026, 0, 5);
const CLASSES = ['normal', 'imbalance', 'bearing', 'looseness'];
const SLOT_BYTES = 131_072;
const SECTOR_BYTES = 4_096;
const RECORD_SECTORS = 2;
/** Enough for days without coverage. */
const RING_SECTORS = 16;
const geometry = {
  bytes: (RECORD_SECTORS + RING_SECTORS) * SECTOR_BYTES + 2 * SLOT_BYTES,
  sectorBytes: SECTOR_BYTES,
  unitBytes: 4,
  erased: 0xff,
} as const;
const ARENA_BYTES = 65_536;
const STATE_BYTES = 1_024;
/** Longer than any answer of a server that is alive takes. */
const STUCK_MS = 60_000;
const FETCHING = 1;

export interface FleetOptions {
  /** By type; a number: of the type `wasm`. */
  readonly devices: number | Readonly<Record<string, number>>;
  /** More of the scenario: YAML, with events from the moment the fleet comes up. */
  readonly scenario?: string;
  /** Where a device connects instead of the broker itself. */
  readonly wire?: (name: string) => Promise<{ host: string; port: number } | undefined>;
}

export class BadDay {
  readonly clock: VirtualClock;
  readonly harness: FleetHarness;
  /** What devices leave the factory with. */
  base!: SeededRelease;
  private readonly database: DatabaseClock;
  private readonly types = new Map<string, string>();
  private readonly groups: Group[] = [];
  private made = 0;

  private constructor(harness: FleetHarness, pollMs: number) {
    this.harness = harness;
    this.clock = new VirtualClock(START_MS, pollMs);
    this.database = new DatabaseClock(() => this.clock.serverMs);
  }

  /**
   * @param pollMs what nobody announces is looked for this often
   * @param windowS of telemetry, while no gate wants another
   */
  static async begin({ pollMs = 1_800_000, windowS = 21_600 } = {}): Promise<BadDay> {
    const harness = await FleetHarness.start();
    const day = new BadDay(harness, pollMs);
    const { database, projectId } = harness;
    await day.database.install(database);
    day.types.set('wasm', harness.typeId);
    day.types.set('wasm-b', uuidv7());
    await database.query(
      `insert into device_type (project_id, id, name, builtin, spec)
       select project_id, $2, 'wasm-b', false, jsonb_set(spec, '{name}', '"wasm-b"') from device_type where project_id = $1 and name = 'wasm'`,
      [projectId, day.types.get('wasm-b')],
    );
    await database.query('update project set window_s = $2, pick_every = 0 where id = $1', [
      projectId,
      windowS,
    ]);
    // Of real time, which passes here however late it is in the world.
    Object.assign(database.pool.options, { idleTimeoutMillis: 0, connectionTimeoutMillis: 0 });
    day.clock.install();
    await harness.startEdge({
      presence: { ...presenceDefaults, pulseMs: pollMs, outageMs: 3 * pollMs, contactMs: pollMs },
    });
    day.startEngine(pollMs);
    day.base = await day.release('v1');
    return day;
  }

  startEngine(pollMs = 1_800_000): void {
    this.harness.startConducting({
      conductor: { ...conductorDefaults, idleMs: pollMs },
      conducting: { pollMs, gatherMs: 10 },
    });
  }

  async end(): Promise<void> {
    await this.clear();
    await this.pump(this.harness.stop());
    this.clock.uninstall();
  }

  /** Ends the devices there are; nobody asks for them any more. */
  async clear(): Promise<void> {
    const groups = this.groups.splice(0);
    for (const group of groups) group.dispose();
    await this.harness.database.query(`update device set state = 'retired' where name = any ($1)`, [
      groups.flatMap(({ names }) => names),
    ]);
  }

  /** Time goes on, a little, until this is done. */
  async pump<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => void (isDone = true);
    work.then(done, done);
    while (!isDone) {
      this.clock.advance(this.clock.elapsedMs + 10);
      await realSleep(1);
    }
    return await work;
  }

  /** A release of one of the demo's models, like no other; of these types. */
  async release(
    version: 'v1' | 'v2' | 'v3',
    { soakS = 60, types = [...this.types.keys()] } = {},
  ): Promise<SeededRelease> {
    const fileName = `vibration-${version}.tflite`;
    const bytes = new Uint8Array(readFileSync(`${workspaceRoot}tools/demo-model/models/${fileName}`));
    // Other labels make another bundle of the same model.
    const labels = CLASSES.map((name) => (this.made === 0 ? name : `${name}-${this.made}`));
    this.made++;
    const deviceType = {
      name: 'wasm',
      core: 'wasm',
      clockHz: 1e8,
      slotBytes: SLOT_BYTES,
      arenaBytes: ARENA_BYTES,
    };
    const { bundle } = await compile({ bytes, fileName }, { deviceType, labels });
    const { abi, arenaBytes, stateBytes } = readBundle(bundle);
    const needs = { abi: (abi.major << 16) | abi.minor, arenaBytes, stateBytes };
    return await this.harness.release(Buffer.from(bundle), needs, {
      ...{ classes: CLASSES.length, sign: true, soakS },
      typeIds: types.map((type) => this.types.get(type)!),
    });
  }

  /** Devices of their own for one test, up and greeted. */
  async fleet(options: FleetOptions): Promise<Group> {
    const group = await Group.make(this, options);
    this.groups.push(group);
    await this.until(() => group.devices.every(({ isKnown }) => isKnown), 60_000);
    return group;
  }

  typeId(name: string): string {
    return this.types.get(name)!;
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.elapsedMs + ms;
    while (this.clock.elapsedMs < end) {
      this.clock.advance(end);
      await this.settle();
    }
  }

  /** Until the probe says true, or stops throwing. @throws what it said last, when so much time has passed */
  async until(probe: () => boolean | void | Promise<boolean | void>, withinMs: number): Promise<void> {
    const end = this.clock.elapsedMs + withinMs;
    await this.settle();
    for (let asked = -1; ;) {
      if (asked !== this.database.sent || this.clock.elapsedMs >= end) {
        try {
          if ((await probe()) !== false) return;
          if (this.clock.elapsedMs >= end) throw new Error(`not so within ${withinMs / 1_000} s`);
        } catch (error) {
          if (this.clock.elapsedMs >= end) throw error;
        }
        asked = this.database.sent;
      }
      this.clock.advance(end);
      await this.settle();
    }
  }

  /** What is done now is done: nothing on a socket, nothing in the database, no device at work. */
  async settle(): Promise<void> {
    const since = realNow();
    const before = this.traffic();
    let [seen, quiet, waits] = [-1, 0, 0];
    // Where nothing was sent, one turn of the event loop tells.
    while (quiet < (this.traffic() === before ? 1 : 3)) {
      if (this.database.running > 0) await Promise.race([this.database.nextEnd(), realSleep(100)]);
      await realImmediate();
      const now = this.activity();
      if (this.database.running > 0 || now !== seen) {
        if (realNow() - since > STUCK_MS) throw new Error('the world does not come to rest');
        [seen, quiet] = [now, 0];
        continue;
      }
      quiet++;
      // Its answer may be on the way through a thread of Node: a file of the blob store.
      if (quiet === 3 && waits < 3 && this.groups.some((group) => group.waits())) {
        await realSleep(1);
        [waits, quiet] = [waits + 1, 0];
      }
    }
  }

  private traffic(): number {
    let sum = this.database.sent;
    for (const { fleet } of this.groups) {
      const { connects, failures, bytesIn, bytesOut } = fleet.traffic;
      sum += connects + failures + bytesIn + bytesOut;
    }
    return sum;
  }

  private activity(): number {
    return this.groups.reduce(
      (sum, { fleet }) => sum + fleet.scheduler.stats.steps,
      this.traffic() + this.clock.timersMade,
    );
  }
}

export class Group {
  readonly names: string[] = [];
  readonly fleet: Fleet;
  private readonly worlds = new Map<SimulatedDevice, DeviceWorld>();
  private timeline: Timeline | undefined;

  private constructor(
    private readonly day: BadDay,
    readonly tag: string,
    readonly options: FleetOptions,
    ends: ReadonlyMap<string, { host: string; port: number }>,
  ) {
    const { clock, harness } = day;
    this.fleet = new Fleet({
      firmware: new Firmware(wasmUrl),
      arenaBytes: ARENA_BYTES,
      hostMs: clock.look,
      worldMs: () => clock.worldMs,
      broker: (device) =>
        new DeviceSocket(
          {
            ...(ends.get(device.name) ?? { host: '127.0.0.1', port: harness.port }),
            wake: () => this.fleet.scheduler.wake(device),
          },
          this.fleet.traffic,
        ),
    });
  }

  static async make(day: BadDay, options: FleetOptions): Promise<Group> {
    const { harness } = day;
    const tag = `day-${uuidv7().slice(-12)}`;
    const counts = typeof options.devices === 'number' ? { wasm: options.devices } : options.devices;
    const devices = Object.entries(counts).flatMap(([type, count]) =>
      Array.from({ length: count }, (_, i) => ({ type, name: `${type}-${i}.${tag}` })),
    );
    const ends = new Map<string, { host: string; port: number }>();
    for (const { name } of devices) {
      const end = await options.wire?.(name);
      if (end) ends.set(name, end);
    }
    const group = new Group(day, tag, options, ends);
    group.names.push(...devices.map(({ name }) => name));
    const yaml = `name: bad-day\n${options.scenario ?? ''}`;
    const whole = yaml.includes('sensors:') ? yaml : `${yaml}\nsensors: [{ kind: vibration, episode: 1h }]`;
    const scenario = parseScenario(whole, 'bad-day.yaml');
    const surroundings = new Surroundings({ scenario, folder: '.' });
    const [key] = await harness.database.query<{ public_key: Buffer }>(
      'select public_key from signing_key where project_id = $1 and retired_at is null order by key_sequence limit 1',
      [harness.projectId],
    );
    const { base } = day;
    group.fleet.reserve(devices.length, STATE_BYTES);
    for (const type of Object.keys(counts)) {
      const own = devices.filter((one) => one.type === type).map(({ name }) => name);
      const tokens = await harness.register(own, [tag], day.typeId(type));
      for (const [i, name] of own.entries()) {
        const world = surroundings.device(name, (i + 0.5) / own.length);
        const device = group.fleet.add({
          identity: { project: 'demo', name, token: tokens.get(name)!, type },
          key: { algorithm: 1, bytes: key!.public_key },
          ...{ geometry, slotBytes: SLOT_BYTES, stateBytes: STATE_BYTES, keepaliveS: 3_600, pickEvery: 0 },
          inferencePeriodUs: scenario.inference.period * 1_000,
          windowS: 3_600,
          ...batteryOf(scenario),
          sensor: world.sensor,
          fallback: world.fallback,
          raw: world.raw,
          seed: day.clock.timersMade + i,
        });
        group.worlds.set(device, world);
        device.provision({
          bundle: base.bytes,
          digest: base.digest,
          sequence: 2,
          slotOffset: RECORD_SECTORS * SECTOR_BYTES,
        });
      }
    }
    group.fleet.scheduler.start();
    for (const device of group.fleet.devices) group.fleet.start(device);
    group.timeline = new Timeline(group.fleet, group.worlds, scenario);
    group.timeline.start();
    return group;
  }

  get devices(): readonly SimulatedDevice[] {
    return this.fleet.devices;
  }

  get filter(): string {
    return `tag = "${this.tag}"`;
  }

  device(name: string): SimulatedDevice {
    return this.devices.find((device) => device.name === name)!;
  }

  /** Somebody has said something and waits for the answer. */
  waits(): boolean {
    return this.devices.some((device) => {
      if (!device.hasBooted || !device.socket.inUse) return false;
      const info = device.info();
      return !device.isKnown || info[InfoWord.updateState] === FETCHING;
    });
  }

  /** Power off and on again. */
  restart(device: SimulatedDevice, cause: number = ResetCause.powerOn): void {
    device.rebootCause = cause;
    this.fleet.scheduler.wake(device);
  }

  dispose(): void {
    this.timeline?.stop();
    this.fleet.dispose();
  }
}

export const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
