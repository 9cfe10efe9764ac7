// A fleet of device processes instead of contexts in this one: enrols them, writes their images, starts them over the scenario's
// ramp, starts again what ends by itself, and ends them all with itself. Their sensors are the port's own; worlds, faults,
// history and labels are the WebAssembly runner's.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient, type CallOutput, type Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  holdsDevice,
  parametersOf,
  runnerNamed,
  writeParameters,
  type DeviceRunner,
  type RunningDevice,
} from '@tinyfleet/firmware';
import { ACCELEROMETER, MICROPHONE, mix32, seedOf, type RawDescriptor } from '@tinyfleet/sensors';
import type { SensorDescriptor } from '@tinyfleet/wire';
import type { SimulatorConfig } from '../config.js';
import type { DeviceIdentity } from '../device/device.js';
import { enrol, projectIsGone } from '../enrol.js';
import { DEFAULT_SCENARIO, loadScenario, type LoadedScenario } from '../scenarios/scenario.js';
import type { SimulationEvents } from '../simulation.js';

const PROJECT_CHECK_MS = 5_000;
/** Doubled with each end that follows within a minute of the start. */
const RESTART_MS = 1_000;
const RESTART_MAX_MS = 60_000;

interface Member {
  readonly identity: DeviceIdentity;
  readonly folder: string;
  running: RunningDevice | null;
  restarts: number;
}

export class ProcessFleet {
  private readonly client: Client;
  private readonly runner: DeviceRunner;
  private readonly loaded: LoadedScenario;
  private readonly members: Member[] = [];
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private temporary: string | undefined;

  constructor(
    private readonly config: SimulatorConfig,
    private readonly events: SimulationEvents,
  ) {
    this.client = createClient({ baseUrl: config.url, token: config.apiToken });
    this.runner = runnerNamed(config.runner)!;
    this.loaded = loadScenario(config.scenario ?? DEFAULT_SCENARIO);
    if (config.history !== undefined)
      throw new FleetError('simulator.config-invalid', {
        file: 'the command line',
        problem: `--history-days needs --runner wasm: a ${this.runner.name} device lives in real time`,
      });
  }

  /** Resolves when every device has been started. */
  async start(): Promise<void> {
    const { config, client, runner } = this;
    const project = await client.call('projectGet', { params: { project: config.project } });
    await this.build();
    const identities = await this.identities();
    const hardware = await this.hardware(identities[0]!.type);
    const publicKey = await this.publicKey();
    const root = await this.folder();
    const { inference, window, seed } = this.loaded.scenario;
    for (const identity of identities) {
      const folder = path.join(root, identity.name);
      const isNew = !(await holdsDevice(folder));
      const broker = { host: config.mqttHost, port: config.mqttPort, tls: false };
      const who = { project: config.project, device: identity.name, token: identity.token, broker };
      const parameters = parametersOf(
        hardware,
        { ...who, ...(publicKey === undefined ? {} : { publicKey }) },
        {
          flash: runner.flash(hardware),
          sensors: [descriptor(ACCELEROMETER), descriptor(MICROPHONE)],
          inferencePeriodMs: Math.max(1, Math.round(inference.period)),
          windowS: Math.max(1, Math.round(window / 1_000)),
          pickEvery: config.pickEvery ?? project.pickEvery,
          seed: mix32(seed, seedOf(identity.name)) >>> 0,
        },
      );
      await writeParameters(folder, parameters);
      if (isNew && config.factory !== undefined)
        await runner.provision(folder, config.factory.bundle, config.factory.sequence);
      this.members.push({ identity, folder, running: null, restarts: 0 });
    }
    this.watchProject();
    await this.rampUp();
  }

  async stop(): Promise<void> {
    this.abort.abort();
    clearInterval(this.timer);
    await Promise.all(this.members.map(async ({ running }) => await running?.stop()));
    if (this.temporary !== undefined) await rm(this.temporary, { recursive: true, force: true });
  }

  status(): Record<string, number> {
    const running = this.members.filter((member) => member.running !== null).length;
    const restarts = this.members.reduce((sum, member) => sum + member.restarts, 0);
    return { devices: this.members.length, running, restarts };
  }

  private async build(): Promise<void> {
    try {
      await this.runner.build();
    } catch (cause) {
      const problem = (cause as Error).message.trim();
      throw new FleetError('simulator.runner-unusable', { runner: this.runner.name, problem }, { cause });
    }
  }

  private async identities(): Promise<DeviceIdentity[]> {
    const { devices, project } = this.config;
    if (Array.isArray(devices)) return devices.map((device) => ({ project, ...device }));
    return enrol(this.client, { project, ...devices });
  }

  private async hardware(name: string): Promise<CallOutput<'deviceTypeList'>['items'][number]> {
    const { items } = await this.client.call('deviceTypeList', { params: { project: this.config.project } });
    const type = items.find((candidate) => candidate.name === name);
    if (type === undefined) throw new FleetError('registry.type-not-found', { type: name });
    return type;
  }

  private async publicKey(): Promise<Uint8Array | undefined> {
    let hex = this.config.publicKeyHex;
    if (hex === undefined) {
      const { project } = this.config;
      const { items } = await this.client.call('signingKeyList', { params: { project } });
      hex = items[0]?.publicKeyHex;
    }
    return hex === undefined ? undefined : Buffer.from(hex, 'hex');
  }

  /** Where images lie: kept when the user names a folder. */
  private async folder(): Promise<string> {
    const { stateFile } = this.config;
    if (stateFile === undefined) {
      this.temporary = await mkdtemp(path.join(tmpdir(), 'tinyfleet-devices-'));
      return this.temporary;
    }
    await mkdir(stateFile, { recursive: true, mode: 0o700 });
    return stateFile;
  }

  private async rampUp(): Promise<void> {
    const perDevice = this.loaded.scenario.ramp / Math.max(1, this.members.length);
    const started = performance.now();
    for (const [i, member] of this.members.entries()) {
      const wait = started + i * perDevice - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.abort.signal.aborted) return;
      void this.keepAlive(member);
    }
  }

  /** Runs one device until the fleet ends: power comes back after whatever has ended it. */
  private async keepAlive(member: Member): Promise<void> {
    const { name: device } = member.identity;
    let pause = RESTART_MS;
    const aborted = (): boolean => this.abort.signal.aborted;
    while (!aborted()) {
      const started = performance.now();
      let code: number | null = null;
      try {
        const line = (text: string): void => this.events.report({ event: 'line', device, text });
        member.running = await this.runner.start(member.folder, { line });
        if (aborted()) await member.running.stop();
        code = await member.running.ended;
      } catch (error) {
        this.events.report({ event: 'failed-to-start', device, problem: (error as Error).message });
      }
      member.running = null;
      if (aborted()) return;
      member.restarts++;
      pause = performance.now() - started > 60_000 ? RESTART_MS : Math.min(pause * 2, RESTART_MAX_MS);
      this.events.report({ event: 'ended', device, code: code ?? 'by a signal', againInMs: pause });
      await new Promise((resolve) => setTimeout(resolve, pause).unref());
    }
  }

  private watchProject(): void {
    const check = async (): Promise<void> => {
      if (await projectIsGone(this.client, this.config.project)) this.events.ended('the project was removed');
    };
    this.timer = setInterval(() => void check(), PROJECT_CHECK_MS);
  }
}

const descriptor = (raw: RawDescriptor): SensorDescriptor => ({
  sensor: `#${raw.sensor}`,
  axes: raw.axes,
  unit: `#${raw.unit}`,
  fullScale: raw.fullScale,
  sampleRateMhz: raw.sampleRateMilliHz,
});
