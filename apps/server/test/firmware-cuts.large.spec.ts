/**
 * Power that fails inside the file operations of firmware updates while a rollout runs: gateways (the POSIX port) are cut in the
 * middle of fetching, of the boot loader's record, of the switch, of the model behind it and of the way back. None ends on a mixture,
 * and none is counted wrongly.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from '@tinyfleet/contracts';
import { describeWith, eventually, toolPath } from '@tinyfleet/testing';
import { buildPosixAgent, FirmwareProject, hardware } from './firmware-project.js';
import { PosixDevice } from './posix-device.js';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'plant' };
const DEVICES = 8;
/** Operations before the new program comes up that are not part of fetching it. */
const AROUND_THE_SWITCH = 12;
const NEVER = -1;

/** A device process whose power fails at an operation that was set; it comes up again by itself. */
class CutDevice {
  cuts = 0;
  private child: ChildProcess | undefined;
  private stopped = false;

  private constructor(
    readonly name: string,
    private readonly flashed: PosixDevice,
    private readonly program: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly counters: FileHandle,
  ) {}

  static async make(
    name: string,
    flashed: PosixDevice,
    program: string,
    library: string,
  ): Promise<CutDevice> {
    const file = join(flashed.folder, 'cuts');
    const counters = await open(file, 'w+');
    const env = { ...process.env, LD_PRELOAD: library, TINYFLEET_CUTS: file };
    const device = new CutDevice(name, flashed, program, env, counters);
    await device.cutAt(NEVER);
    return device;
  }

  /** The so many-th operation from now on. */
  async cutAt(operation: number, isBehind = false): Promise<void> {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(operation);
    bytes.writeInt32LE(Number(isBehind), 4);
    await this.counters.write(bytes, 0, 8, 0);
  }

  /** Operations since `cutAt(NEVER)`. */
  async counted(): Promise<number> {
    const { buffer } = await this.counters.read(Buffer.alloc(4), 0, 4, 0);
    return NEVER - buffer.readInt32LE();
  }

  start(): void {
    this.child = spawn(this.program, [this.flashed.folder, '--tied', '--verbose'], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: this.env,
    });
    this.child.stderr!.on('data', (text: Buffer) => this.flashed.lines.push(...text.toString().split('\n')));
    this.child.once('exit', (_code, signal) => {
      if (signal !== 'SIGKILL' || this.stopped) return;
      this.cuts++;
      this.start();
    });
  }

  get lines(): readonly string[] {
    return this.flashed.lines;
  }

  async remove(): Promise<void> {
    this.stopped = true;
    const ended = new Promise((resolve) => this.child!.once('exit', resolve));
    this.child?.kill('SIGKILL');
    await ended;
    await this.counters.close();
    await this.flashed.remove();
  }
}

describeWith(['gcc'], 'a rollout of firmware and a model to devices whose power fails', () => {
  let server: TestServer;
  let client: Client;
  let project: FirmwareProject;
  let folder: string;
  const devices: CutDevice[] = [];
  const seen = new Set<string>();
  const failures = new Set<string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-cuts-'));
    const library = join(folder, 'cut.so');
    const source = fileURLToPath(
      new URL('../../../firmware-stubs/ports/posix/cutting/cut.c', import.meta.url),
    );
    await promisify(execFile)(toolPath('gcc'), ['-shared', '-fPIC', '-O1', '-o', library, source]);
    await buildWorkspace();
    const programs = [
      await buildPosixAgent(),
      await buildPosixAgent({ name: 'tinyfleet-device-next', version: '0.2.0' }),
    ] as const;
    server = await startTestServer();
    client = server.client;
    project = new FirmwareProject(client, params.project);
    await client.call('projectCreate', { body: { name: 'plant', windowSeconds: 1, pickEvery: 0 } });
    const { items } = await client.call('signingKeyList', { params });
    const { hostname: host, port } = new URL(server.running.mqttUrl!);
    for (let i = 0; i < DEVICES; i++) {
      const name = `gateway-${i}`;
      const { token } = await client.call('deviceRegister', { params, body: { name, type: 'posix' } });
      const identity = {
        ...{ project: 'plant', device: name, token },
        broker: { host, port: Number(port), tls: false },
        publicKey: Buffer.from(items[0]!.publicKeyHex, 'hex'),
      };
      const flashed = await PosixDevice.flash(hardware, identity, { inferencePeriodMs: 50 });
      devices.push(await CutDevice.make(name, flashed, programs[0], library));
    }
    await project.model('1.0.0', 3);
    await project.model('1.1.0', 5);
    await project.image('0.1.0', await readFile(programs[0]));
    await project.image('0.2.0', await readFile(programs[1]));
    // The image of the factory was released, so there is a way back to it.
    await project.release('gateway', '0.1.0');
    for (const device of devices) device.start();
    await ends(await project.ship('dense', '1.0.0'), 'active');
  }, 240_000);
  afterAll(async () => {
    await Promise.all(devices.map((device) => device.remove()));
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  /** Until all deployments are so; on the way nobody runs what does not belong together, and nobody has failed. */
  async function ends(number: number, state: 'active' | 'returned', count = DEVICES): Promise<void> {
    await eventually(
      async () => {
        const { counts } = await client.call('rolloutGet', { params: { ...params, number } });
        for (const bad of ['failed', 'reverted', 'silent', 'incompatible', 'aborted'] as const)
          if ((counts[bad] ?? 0) > 0) failures.add(`${bad} in rollout ${number}`);
        const { items } = await client.call('deviceList', { params, query: { limit: DEVICES } });
        for (const { firmwareVersion, activeRelease } of items)
          if (activeRelease !== null) seen.add(`${firmwareVersion} ${activeRelease}`);
        expect(counts).toEqual({ [state]: count });
      },
      { timeoutMs: 90_000, intervalMs: 100 },
    );
  }
  const start = async (filter: string): Promise<number> => {
    const body = { release: 'dense@1.1.0', filter };
    return (await client.call('rolloutCreate', { params, body })).number;
  };
  const goBack = async (number: number): Promise<void> => {
    await client.call('rolloutRollback', { params: { ...params, number }, body: {} });
  };
  /** Arms the devices with cuts spread over so many operations. */
  const arm = async (armed: readonly CutDevice[], from: number, to: number): Promise<void> => {
    for (const [i, device] of armed.entries())
      await device.cutAt(
        Math.max(1, Math.round(from + ((i + 0.5) / armed.length) * (to - from))),
        i % 2 === 0,
      );
  };
  const allRun = async (version: string, release: string): Promise<void> => {
    for (const { name } of devices) {
      const device = await client.call('deviceGet', { params: { ...params, device: name } });
      expect(device).toMatchObject({ activeRelease: release, firmwareVersion: version });
      expect(device.firmwareSlots[0]).toMatchObject({ state: 'active', firmware: `gateway@${version}` });
    }
  };

  it('should bring both to every device, and back again, whole and counted as what they are', async () => {
    // One goes ahead, uncut: how many operations there are, and behind which of them the new program came up.
    const [scout, ...rest] = devices;
    const others = `not name = "${scout!.name}"`;
    await project.release('dense', '1.1.0', 'gateway@0.2.0');
    await scout!.cutAt(NEVER);
    const ahead = await start(`name = "${scout!.name}"`);
    const isUp = () => scout!.lines.some((line) => line.includes('firmware 0.2.0'));
    await eventually(() => expect(isUp()).toBe(true), { timeoutMs: 60_000, intervalMs: 5 });
    const switched = await scout!.counted();
    await ends(ahead, 'active', 1);
    const all = await scout!.counted();
    await arm(rest.slice(0, 3), 0, switched - AROUND_THE_SWITCH);
    await arm(rest.slice(3), switched - AROUND_THE_SWITCH, all - 2);
    const number = await start(others);
    await ends(number, 'active', rest.length);
    // Fetching has no fewer operations than that; those armed for the end may have been done before.
    expect(rest.map(({ cuts }) => cuts > 0).slice(0, 3)).toEqual([true, true, true]);
    await allRun('0.2.0', 'dense@1.1.0');

    await scout!.cutAt(NEVER);
    await goBack(ahead);
    await ends(ahead, 'returned', 1);
    await arm(rest, 0, (await scout!.counted()) - 2);
    await goBack(number);
    await ends(number, 'returned', rest.length);
    await allRun('0.1.0', 'dense@1.0.0');
    // The new model is on no device without the firmware that it came with.
    const whole = ['0.1.0 dense@1.0.0', '0.2.0 dense@1.0.0', '0.2.0 dense@1.1.0'];
    expect([...seen].filter((one) => !whole.includes(one))).toEqual([]);
    expect([...failures]).toEqual([]);
  }, 180_000);
});
