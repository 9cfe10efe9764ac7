// One run of the simulator: fleet, world, factory images, history, timeline, labels and state, put together from a
// configuration and ended in order. main.ts is the process around it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient, type Client } from '@tinyfleet/contracts';
import { mix32, seedOf } from '@tinyfleet/sensors';
import type { SimulatorConfig } from './config.js';
import {
  type DeviceIdentity,
  type Observation,
  type SimulatedDevice,
  type VerificationKey,
} from './device/device.js';
import { Firmware, InfoWord } from './device/firmware.js';
import { Fleet, type DeviceReport } from './device/fleet.js';
import { enrol, projectIsGone } from './enrol.js';
import type { FlashGeometry, FlashImage } from './flash/flash-image.js';
import { loadFlash, saveFlash } from './flash/state-file.js';
import { makeHistory } from './history/history.js';
import { LabelPoster } from './labels/label-poster.js';
import { batteryOf, DEFAULT_SCENARIO, loadScenario, type LoadedScenario } from './scenarios/scenario.js';
import { Timeline } from './scenarios/timeline.js';
import { selectDevices, World, type DeviceWorld } from './scenarios/world.js';

/** Ring bytes for one stored window: the 300 of the wire format, its record header and sector ends. */
const RING_BYTES_PER_WINDOW = 400;
const RECORD_SECTORS = 2;
const SAVE_EVERY_MS = 30_000;
/** Devices whose past is made between two saves. */
const SAVE_EVERY_PASTS = 10;
const PROJECT_CHECK_MS = 5_000;

export interface SimulationEvents {
  readonly report: (report: DeviceReport) => void;
  /** The project is gone; the process ends. */
  readonly ended: (reason: string) => void;
}

interface Parts {
  readonly identities: readonly DeviceIdentity[];
  readonly key: VerificationKey | null;
  readonly hardware: Hardware;
  readonly world: World;
  /** Flash of an earlier run by device. */
  readonly saved: ReadonlyMap<string, FlashImage>;
}

interface Hardware {
  readonly geometry: FlashGeometry;
  readonly slotBytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
}

export class Simulation {
  private readonly client: Client;
  private readonly loaded: LoadedScenario;
  private readonly byName = new Map<string, SimulatedDevice>();
  private readonly worlds = new Map<SimulatedDevice, DeviceWorld>();
  private readonly labels: LabelPoster;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly abort = new AbortController();
  private pickEvery = 0;
  private geometry: FlashGeometry | null = null;
  private timeline: Timeline | null = null;
  fleet: Fleet | null = null;

  constructor(
    private readonly config: SimulatorConfig,
    private readonly firmwareImage: URL,
    private readonly events: SimulationEvents,
  ) {
    this.client = createClient({ baseUrl: config.url, token: config.apiToken });
    this.loaded = loadScenario(config.scenario ?? DEFAULT_SCENARIO);
    const { delay } = this.loaded.scenario.labels;
    this.labels = new LabelPoster({
      client: this.client,
      project: config.project,
      delayMs: delay,
      ready: (device) => this.byName.get(device)?.isKnown ?? false,
      report: events.report,
    });
  }

  /** Resolves when every device has been started; history included. */
  async start(): Promise<void> {
    const { config, client, loaded } = this;
    const project = await client.call('projectGet', { params: { project: config.project } });
    this.pickEvery = config.pickEvery ?? project.pickEvery;
    const identities = await this.identities();
    const key = await this.verificationKey();
    const hardware = await this.hardware(identities[0]!.type);
    this.geometry = hardware.geometry;
    const world = new World(loaded);
    const fleet = new Fleet({
      firmware: new Firmware(this.firmwareImage),
      broker: { host: config.mqttHost, port: config.mqttPort },
      arenaBytes: hardware.arenaBytes,
      observe: (observation) => this.observe(observation),
      report: this.events.report,
    });
    this.fleet = fleet;
    fleet.reserve(identities.length, hardware.stateBytes);
    const saved =
      config.stateFile === undefined
        ? new Map<string, FlashImage>()
        : loadFlash(config.stateFile, hardware.geometry, fleet.sectors);
    this.addDevices(fleet, { identities, key, hardware, world, saved });
    this.labels.start();
    fleet.scheduler.start();
    this.watchProject();
    const known = fleet.devices.filter((device) => saved.has(device.name));
    const fresh = fleet.devices.filter((device) => !saved.has(device.name));
    await this.rampUp(fleet, config.history === undefined ? fleet.devices : known);
    if (config.history !== undefined) await this.makeHistory(fleet, fresh, config.history.days);
    if (this.abort.signal.aborted) return;
    this.save();
    if (config.stateFile !== undefined) this.timers.push(setInterval(() => this.save(), SAVE_EVERY_MS));
    this.timeline = new Timeline(fleet, this.worlds, loaded.scenario);
    this.timeline.start();
  }

  private addDevices(fleet: Fleet, parts: Parts): void {
    const { config, loaded } = this;
    const { identities, hardware, world, saved } = parts;
    const factory = config.factory === undefined ? null : readFileSync(config.factory.bundle);
    const digest = factory === null ? null : createHash('sha256').update(factory).digest();
    const slotOffset = RECORD_SECTORS * hardware.geometry.sectorBytes;
    // The seed gives the world; entropy of a run must differ from the last one's, or boot ids would repeat.
    const runSeed = (loaded.scenario.seed ^ Date.now()) >>> 0;
    identities.forEach((identity, i) => {
      const deviceWorld = world.device(identity.name, (i + 0.5) / identities.length);
      const flash = saved.get(identity.name);
      const device = fleet.add({
        identity,
        key: parts.key,
        ...hardware,
        inferencePeriodUs: loaded.scenario.inference.period * 1_000,
        windowS: Math.max(1, Math.round(this.windowMs / 1_000)),
        pickEvery: this.pickEvery,
        ...(loaded.scenario.clock === undefined ? {} : { clock: loaded.scenario.clock }),
        ...batteryOf(loaded.scenario),
        sensor: deviceWorld.sensor,
        fallback: deviceWorld.fallback,
        raw: deviceWorld.raw,
        seed: runSeed ^ seedOf(identity.name),
        ...(flash === undefined ? {} : { flash }),
      });
      this.byName.set(device.name, device);
      this.worlds.set(device, deviceWorld);
      if (flash === undefined && factory !== null && digest !== null) {
        device.provision({ bundle: factory, digest, sequence: config.factory!.sequence, slotOffset });
      }
    });
  }

  /** Ends in order: no more events, labels out, flash saved, sockets closed. */
  async stop(): Promise<void> {
    this.abort.abort();
    for (const timer of this.timers) clearInterval(timer);
    this.timeline?.stop();
    this.fleet?.scheduler.stop();
    await this.labels.stop();
    this.save(this.fleet?.devices.filter((device) => !device.clock.isDriven && device.hasBooted));
    this.fleet?.dispose();
  }

  /** Numbers for progress lines and tests. */
  status(): Record<string, number> {
    const fleet = this.fleet;
    if (fleet === null) return { devices: 0 };
    const counts = { connected: 0, windowsPending: 0, windowsDropped: 0, active: 0, traps: 0 };
    for (const device of fleet.devices) {
      if (!device.hasBooted) continue;
      const info = device.info();
      counts.connected += info[InfoWord.connected]!;
      counts.windowsPending += info[InfoWord.windowsPending]!;
      counts.windowsDropped += info[InfoWord.windowsDropped]!;
      counts.active += info[InfoWord.activeSlot]! < 2 ? 1 : 0;
      counts.traps += device.traps;
    }
    const { stats } = fleet.scheduler;
    return { devices: fleet.devices.length, ...counts, steps: stats.steps, busyMs: Math.round(stats.busyMs),
             flashCopies: fleet.maps.size, labelsPosted: this.labels.stats.posted, labelsPending: this.labels.pending,
             labelsAccepted: this.labels.stats.accepted, ...fleet.traffic }; // prettier-ignore
  }

  /** Until the platform tells another: that of the past, when one is made. */
  private get windowMs(): number {
    const { history } = this.config;
    if (history === undefined) return this.loaded.scenario.window;
    return history.windowSeconds === undefined
      ? this.loaded.scenario.history.window
      : history.windowSeconds * 1_000;
  }

  private async identities(): Promise<DeviceIdentity[]> {
    const { devices, project } = this.config;
    if (Array.isArray(devices)) return devices.map((device) => ({ project, ...device }));
    return enrol(this.client, { project, ...devices });
  }

  private async verificationKey(): Promise<VerificationKey | null> {
    let hex = this.config.publicKeyHex;
    if (hex === undefined) {
      const { items } = await this.client.call('signingKeyList', {
        params: { project: this.config.project },
      });
      hex = items[0]?.publicKeyHex;
    }
    return hex === undefined ? null : { algorithm: 1, bytes: Buffer.from(hex, 'hex') };
  }

  private async hardware(typeName: string): Promise<Hardware> {
    const { config, client } = this;
    const { items } = await client.call('deviceTypeList', { params: { project: config.project } });
    const type = items.find((candidate) => candidate.name === typeName);
    const {
      sectorBytes = 4_096,
      programUnitBytes = 4,
      slotBytes = 524_288,
      arenaBytes = 262_144,
      stateBytes = 4_096,
    } = type ?? {};
    const windows =
      config.history === undefined ? 64 : (config.history.days * 86_400_000) / this.windowMs + 64;
    const ringSectors = Math.max(4, Math.ceil((windows * RING_BYTES_PER_WINDOW) / sectorBytes) + 2);
    const bytes = (RECORD_SECTORS + ringSectors) * sectorBytes + 2 * slotBytes;
    return {
      geometry: { bytes, sectorBytes, unitBytes: programUnitBytes, erased: 0xff },
      slotBytes,
      arenaBytes,
      stateBytes,
    };
  }

  private async makeHistory(fleet: Fleet, fresh: readonly SimulatedDevice[], days: number): Promise<void> {
    const { history, seed } = this.loaded.scenario;
    const now = Date.now();
    history.faults.forEach((fault, number) => {
      const [severityFrom, severityTo] = fault.severity;
      for (const device of selectDevices(fleet.devices, fault.devices, seed ^ number)) {
        const fromMs = now - fault.fromAgo;
        const toMs = now - fault.toAgo;
        this.worlds
          .get(device)
          ?.episodes?.push({ fault: fault.class, fromMs, toMs, severityFrom, severityTo });
      }
    });
    const started = performance.now();
    await makeHistory(fleet, fresh, {
      days,
      periodMs: history.period,
      signal: this.abort.signal,
      onProgress: (done, all) => {
        if (done !== all && done % SAVE_EVERY_PASTS !== 0) return;
        // A run that is ended here makes the past of the remaining devices only.
        const past = new Set(fresh.slice(done));
        this.save(fleet.devices.filter((device) => !past.has(device)));
        const elapsedMs = Math.round(performance.now() - started);
        this.events.report({ event: 'history', done, all, elapsedMs });
      },
    });
  }

  /** Devices come up over the scenario's ramp, so a broker meets them as it would meet a fleet after a power cut. */
  private async rampUp(fleet: Fleet, devices: readonly SimulatedDevice[]): Promise<void> {
    const perDevice = this.loaded.scenario.ramp / Math.max(1, devices.length);
    const started = performance.now();
    for (const [i, device] of devices.entries()) {
      const wait = started + i * perDevice - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.abort.signal.aborted) return;
      fleet.start(device);
    }
  }

  private observe(observation: Observation): void {
    const { device, index, past } = observation;
    if (this.pickEvery === 0 || index % this.pickEvery !== 0) return;
    // Of the predictions that the platform keeps, as many are looked at as make the scenario's share of all.
    const part = this.loaded.scenario.labels.share * this.pickEvery;
    if (part < 1 && mix32(seedOf(device), index) / 2 ** 32 >= part) return;
    this.labels.add(observation, past);
  }

  private watchProject(): void {
    const check = async () => {
      if (await projectIsGone(this.client, this.config.project)) this.events.ended('the project was removed');
    };
    this.timers.push(setInterval(() => void check(), PROJECT_CHECK_MS));
  }

  private save(devices: readonly SimulatedDevice[] = this.fleet?.devices ?? []): void {
    const { stateFile } = this.config;
    if (stateFile === undefined || this.geometry === null || devices.length === 0) return;
    saveFlash(stateFile, this.geometry, devices);
  }
}
