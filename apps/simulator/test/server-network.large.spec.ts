// Updates over bad connections from the real server, in real time: twenty devices with the real firmware, each behind a wire of its
// own that splits, delays, silences or resets, and a server whose edge process is killed in the middle of it. The devices'
// clocks run twelve times as fast, so that what takes a device minutes to notice is over in seconds.
import { fork, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type Client, type SupervisedMessage } from '@tinyfleet/contracts';
import { wasmUrl } from '@tinyfleet/firmware';
import { buildWorkspace, eventually, workspaceRoot } from '@tinyfleet/testing';
import type { SimulatedDevice } from '../src/device/device.js';
import { Firmware, InfoWord } from '../src/device/firmware.js';
import { Fleet } from '../src/device/fleet.js';
import { BadWire, type WireManners } from '../src/lab/bad-wire.js';
import { DeviceSocket } from '../src/network/device-socket.js';
import { parseScenario } from '../src/scenarios/scenario.js';
import { World } from '../src/scenarios/world.js';
import { LAB_LABELS, labTflite } from './lab-models.js';

const PROJECT = 'plant';
const params = { project: PROJECT };
const SPEED = 12;
const DEVICES = 20;
const MANNERS: Record<string, WireManners> = {
  'one byte at a time': { isByteByByte: true },
  'as slow as 2G': { latencyMs: 50 }, // 600 ms of the device's time, one way
  'half-open': { silentAfter: { bytes: 9_000, times: 1 } },
  'reset in a chunk': { resetAfter: { bytes: 5_000, times: 4 } },
  'all of it': {
    isByteByByte: true,
    latencyMs: 20,
    silentAfter: { bytes: 14_000, times: 1 },
    resetAfter: { bytes: 7_500, times: 3 },
  },
};
const KINDS = Object.keys(MANNERS);

class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly ready: Extract<SupervisedMessage, { event: 'ready' }>,
  ) {}

  static async start(env: Record<string, string>): Promise<ServerProcess> {
    const { NODE_OPTIONS: _, ...own } = process.env;
    const child = fork(join(workspaceRoot, 'apps/server/dist/main.js'), {
      env: {
        ...own,
        TINYFLEET_HTTP_PORT: '0',
        TINYFLEET_MQTT_PORT: '0',
        TINYFLEET_LOG_LEVEL: 'warn',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const messages: SupervisedMessage[] = [];
    child.on('message', (message: SupervisedMessage) => messages.push(message));
    const ready = await eventually(
      () => {
        const found = messages.find(({ event }) => event === 'ready');
        if (found?.event !== 'ready') throw new Error(`not ready: ${JSON.stringify(messages)}`);
        return found;
      },
      { timeoutMs: 60_000 },
    );
    return new ServerProcess(child, ready);
  }

  get broker(): { host: string; port: number } {
    const { hostname, port } = new URL(this.ready.mqttUrl!);
    return { host: hostname, port: Number(port) };
  }

  async end(how: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(how);
    await ended;
  }
}

let folder: string;
let platform: ServerProcess;
let edge: ServerProcess;
let edgeEnv: Record<string, string>;
let client: Client;
let fleet: Fleet;
let timer: NodeJS.Timeout;
const wires: BadWire[] = [];

beforeAll(async () => {
  await buildWorkspace();
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-network-'));
  await chmod(folder, 0o755);
  const [data, edgeData] = [join(folder, 'data'), join(folder, 'edge')];
  const secret = { TINYFLEET_SECRET: 'the same in both processes of this test' };
  platform = await ServerProcess.start({
    ...secret,
    TINYFLEET_ROLES: 'api,rollout,compiler',
    TINYFLEET_DATA_DIR: data,
  });
  const password = (await readFile(join(data, 'postgres/password'), 'utf8')).trim();
  const socket = encodeURIComponent(join(data, 'postgres/socket'));
  await mkdir(edgeData);
  await symlink(join(data, 'blobs'), join(edgeData, 'blobs'));
  edgeEnv = {
    ...secret,
    TINYFLEET_ROLES: 'broker,ingest,ota',
    TINYFLEET_DATA_DIR: edgeData,
    DATABASE_URL: `postgres://tinyfleet:${password}@localhost/tinyfleet?host=${socket}`,
  };
  edge = await ServerProcess.start(edgeEnv);
  const { url, token } = JSON.parse(await readFile(join(data, 'cli-context.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  client = createClient({ baseUrl: url, token });
}, 120_000);

afterAll(async () => {
  clearInterval(timer);
  fleet?.dispose();
  await Promise.all(wires.map((wire) => wire.close()));
  await edge?.end('SIGTERM');
  await platform?.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Imports, builds and signs; the digest of the bundle. */
async function release(version: string): Promise<{ digest: string; bytes: number }> {
  await client.call('modelImport', {
    params: { ...params, model: 'classifier' },
    query: { fileName: 'classifier.tflite', version, labels: LAB_LABELS.join(',') },
    body: labTflite(1),
  });
  await client.call('buildStart', { params, body: { model: 'classifier', version, deviceTypes: ['wasm'] } });
  const built = await eventually(
    async () => {
      const now = await client.call('buildGet', {
        params: { ...params, model: 'classifier', version, deviceType: 'wasm' },
      });
      expect(now.state).toBe('succeeded');
      return now;
    },
    { timeoutMs: 60_000 },
  );
  await client.call('releaseCreate', {
    params,
    body: { model: 'classifier', version, sign: true, soakSeconds: 1 },
  });
  return { digest: built.bundleDigest!, bytes: built.bundleBytes! };
}

async function startFleet(): Promise<void> {
  const names = Array.from({ length: DEVICES }, (_, i) => `d${i}`);
  const { items } = await client.call('signingKeyList', { params });
  const ports = new Map<string, { host: string; port: number }>();
  for (const [i, name] of names.entries()) {
    const wire = new BadWire(() => edge.broker, MANNERS[KINDS[i % KINDS.length]!]!);
    wires.push(wire);
    ports.set(name, await wire.listen());
  }
  const started = performance.now();
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    hostMs: () => (performance.now() - started) * SPEED,
    broker: (device) =>
      new DeviceSocket(
        { ...ports.get(device.name)!, wake: () => fleet.scheduler.wake(device) },
        fleet.traffic,
      ),
    arenaBytes: 65_536,
  });
  const world = new World({
    scenario: parseScenario('name: bad-wires\nsensors: [{ kind: noise }]', 'here'),
    folder: '.',
  });
  fleet.reserve(DEVICES, 1_024);
  const bytes = (2 + 16) * 4_096 + 2 * 65_536;
  fleet.scheduler.start();
  for (const name of names) {
    const { token } = await client.call('deviceRegister', {
      params,
      body: { name, type: 'wasm', tags: ['bad'] },
    });
    const { sensor, fallback, raw } = world.device(name, 0.5);
    fleet.start(
      fleet.add({
        identity: { project: PROJECT, name, token, type: 'wasm' },
        key: { algorithm: 1, bytes: Buffer.from(items[0]!.publicKeyHex, 'hex') },
        geometry: { bytes, sectorBytes: 4_096, unitBytes: 4, erased: 0xff },
        slotBytes: 65_536,
        stateBytes: 1_024,
        inferencePeriodUs: 1_000_000,
        windowS: 10,
        pickEvery: 0,
        sensor,
        fallback,
        raw,
        seed: 1,
      }),
    );
  }
  // The scheduler's timers are of this world; the devices are looked at often enough for theirs.
  timer = setInterval(() => {
    for (const device of fleet.devices) fleet.scheduler.wake(device);
  }, 10);
}

const activeDigest = (device: SimulatedDevice): string => {
  const info = device.info();
  if (info[InfoWord.activeSlot] === 0xffff_ffff) return '';
  const words = info.slice(InfoWord.activeDigest, InfoWord.activeDigest + 8);
  return Buffer.from(words.buffer).toString('hex');
};

it('should bring a release to every device over the worst of wires, the edge killed on the way', async () => {
  await client.call('projectCreate', { body: { name: PROJECT, windowSeconds: 10, pickEvery: 0 } });
  const { digest, bytes } = await release('1.0.0');
  await startFleet();
  await eventually(() => expect(fleet.devices.every((device) => device.isKnown)).toBe(true), {
    timeoutMs: 20_000,
  });
  const before = wires.map(({ traffic }) => ({ ...traffic }));
  await client.call('rolloutCreate', {
    params,
    body: { release: 'classifier@1.0.0', filter: 'tag = "bad"' },
  });

  // Killed while transfers are under way, as the devices say.
  await eventually(
    () =>
      expect(
        fleet.devices.filter((device) => device.info()[InfoWord.transferOffset]! > 2_048).length,
      ).toBeGreaterThan(2),
    { timeoutMs: 20_000 },
  );
  const unfinished = fleet.devices.filter((device) => activeDigest(device) !== digest).length;
  await edge.end('SIGKILL');
  edge = await ServerProcess.start(edgeEnv);

  await eventually(
    () =>
      expect(
        fleet.devices.filter((device) => activeDigest(device) !== digest).map(({ name }) => name),
      ).toEqual([]),
    { timeoutMs: 60_000 },
  );
  await eventually(
    async () => {
      const { items } = await client.call('deviceList', { params, query: { limit: 100 } });
      expect(items.filter(({ activeRelease }) => activeRelease === 'classifier@1.0.0')).toHaveLength(DEVICES);
    },
    { timeoutMs: 30_000 },
  );

  const report = KINDS.map((kind, k) => {
    const mine = wires.flatMap(({ traffic }, i) =>
      i % KINDS.length === k ? [{ ...traffic, bytesDown: traffic.bytesDown - before[i]!.bytesDown }] : [],
    );
    const sum = (pick: (traffic: BadWire['traffic']) => number) =>
      mine.reduce((total, one) => total + pick(one), 0);
    return {
      kind,
      devices: mine.length,
      bundleBytes: bytes,
      downRatio: Math.round((100 * sum(({ bytesDown }) => bytesDown)) / bytes / mine.length) / 100,
      connections: sum(({ connections }) => connections),
      silences: sum(({ silences }) => silences),
      resets: sum(({ resets }) => resets),
    };
  });
  process.stdout.write(`${JSON.stringify({ unfinishedAtTheKill: unfinished, report })}\n`);
  expect(unfinished).toBeGreaterThan(DEVICES / 4);
  const of = (kind: string) => report.find((row) => row.kind === kind)!;
  expect(of('half-open').silences).toBeGreaterThanOrEqual(4);
  expect(of('reset in a chunk').resets).toBeGreaterThanOrEqual(8);
  expect(of('all of it').silences + of('all of it').resets).toBeGreaterThanOrEqual(8);
  // What had been stored in whole is not fetched again: a window of 8 chunks and a sector for each interruption at most.
  const most = ({ connections, devices }: (typeof report)[number]) => 1.5 + 0.6 * (connections / devices);
  expect(report.filter((row) => row.downRatio > most(row))).toEqual([]);
  expect(fleet.devices.every((device) => device.traps === 0 && device.flash.stats.breaches === 0)).toBe(true);
}, 120_000);
