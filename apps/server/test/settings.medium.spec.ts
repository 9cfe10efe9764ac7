/**
 * What a person sets on a device outlives its reboot: the firmware, on a server that asks it again. Windows that follow carry the monitors
 * that were set and are held against no build that summarizes others.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GraphBuilder, writeTflite } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { Random, WatchKeeper, keeperDefaults } from '@tinyfleet/quality';
import { readBundle } from '@tinyfleet/runtime';
import {
  Firmware,
  Fleet,
  ResetCause,
  World,
  parseScenario,
  type SimulatedDevice,
} from '@tinyfleet/simulator';
import { Leader, PgWatchReader, transactAsLeader } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { crc32, encodeNewEdges, unpackHistogram } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'plant' };
const pump = { ...params, device: 'pump' };
const version = { ...params, model: 'pump', version: '1.0.0' };
const INPUTS = 4;
/** One monitor of the four, in two bins: below zero, and the rest. */
const EDGES = { index: 2, centre: 0, edges: [0] };
const CADENCE_MS = 50;
/** Of EDGES' record in `new-edges`: index, bins, centre and 15 edges. */
const MONITOR_BYTES = 34;
const sectorBytes = 4_096;
const slotBytes = 16_384;

/** A window as `telemetryExport` tells it. */
interface Line {
  readonly bootId: string;
  readonly schema: number;
  readonly n: number;
  readonly features: readonly { readonly histogram: string; readonly n: number }[];
}

let folder: string;
let server: TestServer;
let fleet: Fleet;

function npy(type: string, shape: string, values: Float32Array | Uint8Array): Uint8Array {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`;
  const head = Buffer.from(`\x93NUMPY\x01\x00v\x00${text.padEnd(117)}\n`, 'latin1');
  return Buffer.concat([head, Buffer.from(values.buffer)]);
}

/** Says which of the first two values is greater. */
function model(): Uint8Array {
  const b = new GraphBuilder('pump');
  const x = b.input('x', [1, INPUTS], { scale: 1 / 32 });
  const filter = b.constant('w', [2, INPUTS], Int8Array.of(64, 0, 0, 0, 0, 64, 0, 0), { scale: 1 / 64 });
  const bias = b.constant('b', [2], new Int32Array(2), { scale: 1 / 2_048 });
  return writeTflite(
    b.build([b.softmax(b.fullyConnected({ input: x, filter, bias }, { name: 'sums', scale: 1 / 16 }), 'p')]),
  );
}

async function build(): Promise<Uint8Array> {
  const { client } = server;
  await client.call('modelImport', {
    params: { ...params, model: version.model },
    query: { fileName: 'pump.tflite', version: version.version, labels: 'runs,rests' },
    body: model(),
  });
  const random = new Random(1);
  const n = 400;
  const values = Float32Array.from({ length: n * INPUTS }, () => random.normal());
  const labels = Uint8Array.from({ length: n }, (_, i) =>
    Number(values[i * INPUTS + 1]! > values[i * INPUTS]!),
  );
  for (const [part, body] of [
    ['inputs', npy('<f4', `${n}, ${INPUTS}`, values)],
    ['labels', npy('|u1', `${n},`, labels)],
  ] as const)
    await client.call('modelValidation', { params: { ...version, part }, body });
  await client.call('buildStart', {
    params,
    body: { model: version.model, version: version.version, deviceTypes: ['wasm'] },
  });
  const of = { params: { ...version, deviceType: 'wasm' } };
  await eventually(async () => expect((await client.call('buildGet', of)).state).toBe('succeeded'), {
    timeoutMs: 60_000,
  });
  return await client.call('buildBundle', of);
}

/** The device in use: the model came from the factory, an inference every 100 ms and a window every second. */
async function startDevice(bundle: Uint8Array): Promise<SimulatedDevice> {
  const { token } = await server.client.call('deviceRegister', {
    params,
    body: { name: pump.device, type: 'wasm' },
  });
  const { hostname: host, port } = new URL(server.running.mqttUrl!);
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    broker: { host, port: Number(port) },
    arenaBytes: slotBytes,
  });
  fleet.reserve(1, 1_024);
  fleet.scheduler.start();
  const scenario = parseScenario('name: settings\nsensors: [{ kind: noise }]', 'here');
  const { sensor, fallback, raw } = new World({ scenario, folder: '.' }).device(pump.device, 0.5);
  const device = fleet.add({
    identity: { project: params.project, name: pump.device, token, type: 'wasm' },
    key: null,
    geometry: { bytes: 8 * sectorBytes + 2 * slotBytes, sectorBytes, unitBytes: 4, erased: 0xff },
    slotBytes,
    stateBytes: 1_024,
    inferencePeriodUs: 100_000,
    windowS: 1,
    pickEvery: 0,
    ...{ sensor, fallback, raw, seed: 1 },
  });
  const digest = createHash('sha256').update(bundle).digest();
  device.provision({ bundle, digest, sequence: 1, slotOffset: 2 * sectorBytes });
  fleet.start(device);
  return device;
}

async function windows(): Promise<Line[]> {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const response = await server.fetch(`/api/v1/projects/${params.project}/telemetry/windows?from=${from}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  const text = await response.text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}
const commands = async () =>
  (await server.client.call('deviceCommandList', { params: pump })).items
    .map(({ command, state }) => `${command} ${state}`)
    .sort();

async function judge(): Promise<void> {
  const { database } = server.running.services;
  const leader = new Leader(database, 'quality');
  const transact = transactAsLeader(database, leader);
  const keeper = new WatchKeeper(new PgWatchReader(database), transact, uuidv7, Date.now, keeperDefaults);
  expect(await leader.tryLead()).toBe(true);
  try {
    while (await keeper.turn());
  } finally {
    await leader.resign();
  }
}

beforeAll(async () => {
  await buildWorkspace();
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-settings-'));
  await chmod(folder, 0o755);
  server = await startTestServer({
    TINYFLEET_DATA_DIR: join(folder, 'data'),
    // The test judges.
    TINYFLEET_ROLES: 'api,broker,ingest,ota,rollout,compiler',
  });
  await server.client.call('projectCreate', {
    body: { name: params.project, windowSeconds: 1, pickEvery: 0 },
  });
}, 120_000);

afterAll(async () => {
  fleet?.dispose();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

it('should ask a device again after its reboot for the edges and the cadence that were set, and judge its windows by their own schema', async () => {
  const { client } = server;
  const bundle = await build();
  const section = readBundle(bundle).sections['monitors']!;
  const ofBuild = crc32(bundle.subarray(section.offset, section.offset + section.length));
  const data = encodeNewEdges(createHash('sha256').update(bundle).digest().subarray(0, 8), [EDGES]);
  const ofEdges = crc32(data.subarray(-MONITOR_BYTES), ofBuild);
  const device = await startDevice(bundle);
  const schemas = async () => new Set((await windows()).map(({ schema }) => schema));

  await eventually(async () => expect(await schemas()).toEqual(new Set([ofBuild])));
  for (const request of [
    { command: 'set-edges' as const, data: Buffer.from(data).toString('base64') },
    { command: 'set-cadence' as const, argument: CADENCE_MS },
  ])
    await client.call('deviceCommandSend', { params: pump, body: { ...request, expiresInSeconds: 60 } });
  await eventually(async () => expect(await schemas()).toEqual(new Set([ofBuild, ofEdges])));
  await eventually(async () => expect(await commands()).toEqual(['set-cadence taken', 'set-edges taken']));
  const before = new Set((await windows()).map(({ bootId }) => bootId));

  device.rebootCause = ResetCause.software;
  fleet.scheduler.wake(device);
  const again = await eventually(async () => {
    const own = (await windows()).filter(({ bootId, schema }) => !before.has(bootId) && schema === ofEdges);
    // 20 a second as asked, and not the build's 10; a machine that is busy loses some.
    expect(Math.max(...own.map(({ n }) => n))).toBeGreaterThan(12);
    return own;
  });
  await eventually(async () => expect(await commands()).toEqual(['set-cadence taken', 'set-edges taken']));
  for (const { n, features } of again) {
    expect(features).toHaveLength(1);
    const [feature] = features;
    const [below, rest, ...others] = unpackHistogram(Buffer.from(feature!.histogram, 'base64'), 16);
    expect(below! + rest!).toBe(n);
    expect(others.every((count) => count === 0)).toBe(true);
  }

  // What validation data said is of the build's own edges.
  const settings = await client.call('qualitySettingsGet', { params });
  await client.call('qualitySettingsPut', { params, body: { ...settings, settleSeconds: 0 } });
  const told = await eventually(async () => {
    await judge();
    const { items } = await client.call('qualityWatchList', { params });
    const found = new Map(items.map((watch) => [watch.schema, watch]));
    expect([...found.keys()].sort()).toEqual([ofBuild, ofEdges].sort());
    return found;
  });
  expect(told.get(ofBuild)).toMatchObject({ state: 'starting', devices: 1 });
  expect(told.get(ofBuild)!.judgedAgainst).toMatch(/^the validation data of pump@1\.0\.0: /u);
  expect(told.get(ofBuild)!.streams).toContain('mean of "input 2"');
  expect(told.get(ofEdges)).toMatchObject({ state: 'unable', baseline: null });
  // Samples are judged without: an inference is saturated or stuck whatever the edges are.
  for (const stream of told.get(ofEdges)!.streams) expect(stream).toMatch(/^share of \w+ inferences$/u);
  expect(told.get(ofEdges)!.reason).toMatch(/^no build of it ran through validation data/u);
}, 120_000);
