// A fleet of device processes: enrolled, flashed, supervised, ended with the process that started it.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { describeWith, eventually } from '@tinyfleet/testing';
import { bootCounter } from '@tinyfleet/wire';
import { SimulatorConfig } from '../src/config.js';
import type { DeviceReport } from '../src/device/fleet.js';
import { ProcessFleet } from '../src/processes/process-fleet.js';
import { ApiPeer } from './api-peer.js';
import { PlatformPeer } from './platform-peer.js';

const models = path.join(import.meta.dirname, '../../../tools/demo-model/models');
let folder: string;
let bundle: Uint8Array;
let broker: PlatformPeer;
let api: ApiPeer;
let fleet: ProcessFleet | null = null;
const reports: DeviceReport[] = [];

async function run(more: Record<string, unknown> = {}): Promise<ProcessFleet> {
  const { host, port } = await broker.listen();
  const config = SimulatorConfig.parse({
    url: await api.listen(),
    mqttHost: host,
    mqttPort: port,
    project: 'demo',
    apiToken: 'token',
    runner: 'posix',
    devices: { count: 3, type: 'wasm' },
    scenario: path.join(folder, 'fast.yaml'),
    ...more,
  });
  fleet = new ProcessFleet(config, { report: (report) => reports.push(report), ended: () => undefined });
  await fleet.start();
  return fleet;
}

/** Processes of tinyfleet-device whose folder lies below ours. */
const processes = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/fleet`);
      } catch {
        return false;
      }
    })
    .map(Number);

describeWith(['gcc'], 'a fleet of processes', () => {
  beforeAll(async () => {
    const bytes = new Uint8Array(readFileSync(path.join(models, 'vibration-v2.tflite')));
    const deviceType = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 65_536, arenaBytes: 65_536 };
    ({ bundle } = await compile({ bytes, fileName: 'v2.tflite' }, { deviceType, labels: VIBRATION_CLASSES }));
  }, 30_000);

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinyfleet-processes-'));
    writeFileSync(
      path.join(folder, 'fast.yaml'),
      'name: fast\nsensors: [{ kind: vibration }]\ninference: { period: 50ms }\nwindow: 1s\nramp: 100ms\n',
    );
    writeFileSync(path.join(folder, 'v2.bundle'), bundle);
    broker = new PlatformPeer('device-token');
    api = new ApiPeer(Buffer.from(broker.key.raw).toString('hex'), 'device-token');
    reports.length = 0;
  });
  afterEach(async () => {
    await fleet?.stop();
    fleet = null;
    await broker.close();
    await api.close();
    rmSync(folder, { recursive: true });
  });

  it('should run the model that they come with, and bring back one that was killed', async () => {
    const factory = { bundle: path.join(folder, 'v2.bundle'), sequence: 2 };
    await run({ factory, stateFile: path.join(folder, 'fleet') });
    await broker.until(
      () => new Set(broker.telemetry.map(({ device }) => device)).size === 3 && broker.hellos.length >= 3,
    );
    expect(broker.hellos[0]!.hello).toMatchObject({ deviceType: 'wasm', releaseSequence: 2 });
    expect(fleet!.status()).toEqual({ devices: 3, running: 3, restarts: 0 });
    expect(reports.filter(({ event }) => event === 'line').map(({ text }) => String(text))).toContainEqual(
      expect.stringContaining('connected to 127.0.0.1'),
    );
    const [victim] = processes();
    process.kill(victim!, 'SIGKILL');
    await broker.until(() => broker.hellos.some(({ hello }) => bootCounter(hello.bootId) === 2));
    expect(reports).toContainEqual(expect.objectContaining({ event: 'ended', code: 'by a signal' }));
    expect(fleet!.status()).toMatchObject({ running: 3, restarts: 1 });
    await fleet!.stop();
    await eventually(() => expect(processes()).toEqual([]));
  }, 60_000);

  it('should go on with the images of an earlier run', async () => {
    const stateFile = path.join(folder, 'fleet');
    await run({ devices: { count: 1, type: 'wasm' }, stateFile });
    await broker.until(() => broker.hellos.length === 1);
    await fleet!.stop();
    await Promise.all([broker.close(), api.close()]);
    await run({ devices: { count: 1, type: 'wasm' }, stateFile });
    await broker.until(() => broker.hellos.length === 2);
    expect(broker.hellos.map(({ hello }) => bootCounter(hello.bootId))).toEqual([1, 2]);
  }, 60_000);

  it('should refuse a type that the project does not have, and a past', async () => {
    await expect(run({ devices: { count: 1, type: 'none' } })).rejects.toMatchObject({
      code: 'registry.type-not-found',
    });
    expect(
      () =>
        new ProcessFleet(
          SimulatorConfig.parse({
            url: 'http://127.0.0.1:1',
            project: 'demo',
            apiToken: 'x',
            runner: 'posix',
            devices: { count: 1 },
            history: { days: 1 },
          }),
          { report: () => undefined, ended: () => undefined },
        ),
    ).toThrow(expect.objectContaining({ code: 'simulator.config-invalid' }));
  });
});
