// Shadow runs from the server to the kernels and back: the real firmware, a real server in a process of its own. The devices'
// clocks run twelve times as fast. A model that takes the device down while it is a shadow, or says something else, acts on nothing.
import { fork, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type Client, type SupervisedMessage } from '@tinyfleet/contracts';
import { wasmUrl } from '@tinyfleet/firmware';
import { buildWorkspace, eventually, workspaceRoot } from '@tinyfleet/testing';
import { updateState } from '@tinyfleet/wire';
import { ResetCause, type SimulatedDevice } from '../src/device/device.js';
import { Firmware, InfoWord } from '../src/device/firmware.js';
import { Fleet } from '../src/device/fleet.js';
import { parseScenario } from '../src/scenarios/scenario.js';
import { World } from '../src/scenarios/world.js';
import { LAB_LABELS, labTflite } from './lab-models.js';

const PROJECT = 'plant';
const params = { project: PROJECT };
const SPEED = 12;
const patience = { timeoutMs: 40_000, intervalMs: 50 };

let folder: string;
let child: ChildProcess;
let client: Client;
let url: string;
let broker: { host: string; port: number };
let fleet: Fleet;
let timer: NodeJS.Timeout;
const digests = new Map<string, string>();

beforeAll(async () => {
  await buildWorkspace();
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-shadow-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const { NODE_OPTIONS: _, ...own } = process.env;
  const env = {
    TINYFLEET_HTTP_PORT: '0',
    TINYFLEET_MQTT_PORT: '0',
    TINYFLEET_LOG_LEVEL: 'warn',
    TINYFLEET_DATA_DIR: data,
  };
  child = fork(join(workspaceRoot, 'apps/server/dist/main.js'), {
    env: { ...own, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ready = await new Promise<Extract<SupervisedMessage, { event: 'ready' }>>((resolve, reject) => {
    child.on('message', (message: SupervisedMessage) => message.event === 'ready' && resolve(message));
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const { hostname: host, port } = new URL(ready.mqttUrl!);
  broker = { host, port: Number(port) };
  const context = JSON.parse(await readFile(join(data, 'cli-context.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  url = context.url;
  client = createClient({ baseUrl: url, token: context.token });
  await client.call('projectCreate', { body: { name: PROJECT, windowSeconds: 10, pickEvery: 0 } });
  for (const [version, swapped, soakSeconds] of [
    ['1.0.0', false, 60],
    ['1.1.0', true, 1],
  ] as const)
    await release(version, swapped, soakSeconds);
}, 120_000);

afterAll(async () => {
  clearInterval(timer);
  fleet?.dispose();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child?.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
}, 60_000);

async function release(version: string, swapped: boolean, soakSeconds: number): Promise<void> {
  const model = 'classifier';
  await client.call('modelImport', {
    params: { ...params, model },
    query: { fileName: 'classifier.tflite', version, labels: LAB_LABELS.join(',') },
    body: labTflite(1, { swapped }),
  });
  await client.call('buildStart', { params, body: { model, version, deviceTypes: ['wasm'] } });
  const build = { ...params, model, version, deviceType: 'wasm' };
  await eventually(async () => {
    const { state, bundleDigest } = await client.call('buildGet', { params: build });
    expect(state).toBe('succeeded');
    digests.set(version, bundleDigest!);
  }, patience);
  await client.call('releaseCreate', { params, body: { model, version, sign: true, soakSeconds } });
}

async function startFleet(
  names: readonly string[],
  tagsOf: (name: string) => string[],
): Promise<SimulatedDevice[]> {
  const { items } = await client.call('signingKeyList', { params });
  const started = performance.now();
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    hostMs: () => (performance.now() - started) * SPEED,
    broker,
    arenaBytes: 65_536,
  });
  const scenario = parseScenario('name: shadow\nsensors: [{ kind: noise }]', 'here');
  const world = new World({ scenario, folder: '.' });
  fleet.reserve(names.length, 1_024);
  fleet.scheduler.start();
  for (const name of names) {
    const body = { name, type: 'wasm', tags: tagsOf(name) };
    const { token } = await client.call('deviceRegister', { params, body });
    const { sensor, fallback, raw } = world.device(name, 0.5);
    const device = fleet.add({
      identity: { project: PROJECT, name, token, type: 'wasm' },
      key: { algorithm: 1, bytes: Buffer.from(items[0]!.publicKeyHex, 'hex') },
      geometry: { bytes: (2 + 16) * 4_096 + 2 * 65_536, sectorBytes: 4_096, unitBytes: 4, erased: 0xff },
      slotBytes: 65_536,
      stateBytes: 1_024,
      inferencePeriodUs: 1_000_000,
      windowS: 10,
      pickEvery: 0,
      ...{ sensor, fallback, raw, seed: 1 },
    });
    fleet.start(device);
  }
  // The scheduler's timers are of this world; the devices are looked at often enough for theirs.
  timer = setInterval(() => {
    for (const device of fleet.devices) fleet.scheduler.wake(device);
  }, 10);
  return fleet.devices;
}

const activeDigest = (device: SimulatedDevice): string => {
  const words = device.info().slice(InfoWord.activeDigest, InfoWord.activeDigest + 8);
  return Buffer.from(words.buffer).toString('hex');
};
const counts = async (number: number) =>
  (await client.call('rolloutGet', { params: { ...params, number } })).counts;
const settles = async (number: number, expected: object) =>
  await eventually(async () => expect(await counts(number)).toEqual(expected), patience);
const reaches = async (number: number, state: string) =>
  await eventually(async () => {
    const rollout = await client.call('rolloutGet', { params: { ...params, number } });
    expect({ state: rollout.state, reason: rollout.reason }).toMatchObject({ state });
  }, patience);
const report = async (number: number) =>
  await client.call('rolloutReport', { params: { ...params, number } });
async function chunksSent(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tinyfleet_ota_total\{event="chunks"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

it('should bring agreement back from devices, survive a model that takes them down, and install it without a download', async () => {
  const bare = 'd4';
  const devices = await startFleet(['d0', 'd1', 'd2', 'd3', bare], (name) =>
    name === bare ? ['all'] : ['all', 'base'],
  );
  const first = await client.call('rolloutCreate', {
    params,
    body: { release: 'classifier@1.0.0', filter: 'tag = "base"' },
  });
  await settles(first.number, { soak: 4 });

  // A soak is open: nobody begins.
  const shadowOf = {
    release: 'classifier@1.1.0',
    filter: 'tag = "all"',
    shadow: { seconds: 8 },
    maxFailurePercent: 50,
  };
  const plan = await client.call('rolloutPlan', { params, body: shadowOf });
  expect(plan.can).toBe(4);
  expect(plan.cannot).toMatchObject([
    { reason: 'no shadow run: it runs no model to compare with', errorCode: 713, sample: [bare] },
  ]);
  expect(plan.kept).toMatchObject([{ reason: `in rollout ${first.number} of priority 50`, devices: 4 }]);
  const { number, kind } = await client.call('rolloutCreate', { params, body: shadowOf });
  expect(kind).toBe('shadow');
  expect(await counts(number)).toEqual({ waiting: 4, incompatible: 1 });

  // This one faults as soon as a shadow is to run; three times, and it is given up.
  const faulty = devices[3]!;
  const { battery } = faulty;
  faulty.battery = function fault(this: SimulatedDevice) {
    if (this.info()[InfoWord.updateState] === updateState.shadow)
      throw new WebAssembly.RuntimeError('unreachable');
    return battery.call(this);
  };
  await reaches(first.number, 'succeeded');
  await settles(number, { shadow: 3, failed: 1, incompatible: 1 });
  expect(faulty.traps).toBe(3);
  const { items } = await client.call('rolloutDeployments', {
    params: { ...params, number },
    query: { state: 'failed' },
  });
  expect(items).toMatchObject([{ device: 'd3', errorCode: 702 }]);

  // Counters come from devices, and a reboot loses none that were told.
  const told = async (least: number) =>
    await eventually(async () => {
      const { shadow } = await report(number);
      expect(shadow).toMatchObject({ devices: 3, running: 3 });
      expect(shadow!.runs).toBeGreaterThan(least);
      return shadow!;
    }, patience);
  const before = await told(30);
  devices[0]!.rebootCause = ResetCause.software;
  fleet.scheduler.wake(devices[0]!);
  await told(before.runs);
  for (const device of devices.slice(0, 4)) expect(activeDigest(device)).toBe(digests.get('1.0.0'));

  await reaches(number, 'succeeded');
  await settles(number, { compared: 3, failed: 1, incompatible: 1 });
  const { shadow, words } = await report(number);
  // Of noise a model of the lab says each class as often, and these differ by two of the four: half of the runs, and 300 of them.
  expect(shadow!.agreed).toBeLessThan(shadow!.runs);
  expect(shadow!.agreed).toBeGreaterThan(shadow!.runs / 4);
  expect(shadow!.unspecified).toBe(0);
  const [zero, one] = LAB_LABELS;
  const pairs = shadow!.disagreements.map(({ active, shadow: other }) => `${active}, ${other}`);
  expect(pairs.toSorted()).toEqual([`${zero}, ${one}`, `${one}, ${zero}`]);
  expect(shadow!.disagreements.reduce((sum, each) => sum + each.count, 0)).toBe(
    shadow!.runs - shadow!.agreed,
  );
  expect(words[0]).toMatch(/^agrees with the active model in \d+\.\d % of its runs/);
  // Over: nothing runs beside the model any more, and nothing has changed.
  await eventually(() => {
    for (const device of devices.slice(0, 3))
      expect(device.info()[InfoWord.updateState]).toBe(updateState.idle);
  }, patience);
  for (const device of devices.slice(0, 4)) expect(activeDigest(device)).toBe(digests.get('1.0.0'));

  // To install it is a message: it lies in the other slot.
  const sent = await chunksSent();
  expect(sent).toBeGreaterThan(0);
  const filter = 'tag = "base" and not name = "d3"';
  const third = await client.call('rolloutCreate', { params, body: { release: 'classifier@1.1.0', filter } });
  await reaches(third.number, 'succeeded');
  for (const device of devices.slice(0, 3)) expect(activeDigest(device)).toBe(digests.get('1.1.0'));
  expect(await chunksSent()).toBe(sent);
}, 120_000);
