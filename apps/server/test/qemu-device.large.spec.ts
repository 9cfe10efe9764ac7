/**
 * Bare-metal Cortex-M4 devices under QEMU against the whole server: the demo's model, releases signed by the project's key,
 * UART and modem, flash in a file, SIGKILL for a power cut; then twenty at once.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { parametersOf, runnerNamed, writeParameters, type RunningDevice } from '@tinyfleet/firmware';
import { CATALOGUE } from '@tinyfleet/registry';
import { describeWith, eventually, workspaceRoot } from '@tinyfleet/testing';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const FLEET = 20;
const models = join(workspaceRoot, 'tools/demo-model/models');
const params = { project: 'plant' };
const names = Array.from({ length: FLEET }, (_, i) => `m4-${String(i + 1).padStart(2, '0')}`);
const runner = runnerNamed('qemu-m4')!;
/** Small slots: a flash of a quarter megabyte each, which is quickly made. */
const hardware = { ...CATALOGUE.find(({ name }) => name === 'qemu-m4')!, slotBytes: 32_768 };

let server: TestServer;
let client: Client;
let folder: string;
const running = new Map<string, RunningDevice>();
const lines: string[] = [];

const detail = async (device = names[0]!): Promise<CallOutput<'deviceGet'>> =>
  client.call('deviceGet', { params: { ...params, device } });

async function start(name: string): Promise<void> {
  const line = (text: string) => void lines.push(`${name} ${text}`);
  running.set(name, await runner.start(join(folder, name), { line }));
}

/** Imports, builds and signs a version of the demo's model; gives the bundle's digest. */
async function release(version: string, file: string): Promise<string> {
  const at = { ...params, model: 'vibration', version, deviceType: 'qemu-m4' };
  await client.call('modelImport', {
    params: { ...params, model: 'vibration' },
    query: { fileName: file, version, labels: 'normal,imbalance,bearing,looseness' },
    body: await readFile(join(models, file)),
  });
  await client.call('buildStart', {
    params,
    body: { model: 'vibration', version, deviceTypes: ['qemu-m4'] },
  });
  const built = await eventually(
    async () => {
      const now = await client.call('buildGet', { params: at });
      expect(now.state).toBe('succeeded');
      return now;
    },
    { timeoutMs: 60_000 },
  );
  await client.call('releaseCreate', {
    params,
    body: { model: 'vibration', version, sign: true, soakSeconds: 1 },
  });
  return built.bundleDigest!;
}

const rollOut = async (version: string, filter: string) =>
  client.call('rolloutCreate', { params, body: { release: `vibration@${version}`, filter } });

const expectRunning = async (version: string, digest: string, device?: string) =>
  eventually(
    async () =>
      expect(await detail(device)).toMatchObject({
        presence: 'connected',
        activeRelease: `vibration@${version}`,
        activeDigest: digest,
      }),
    { timeoutMs: 90_000 },
  ).catch((cause: unknown) => {
    throw new Error(`not running:\n${lines.slice(-60).join('\n')}`, { cause });
  });

describeWith(['qemu-system-arm', 'arm-none-eabi-gcc'], 'devices on QEMU', () => {
  let digest = '';

  beforeAll(async () => {
    await buildWorkspace();
    await runner.build();
    server = await startTestServer();
    client = server.client;
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-qemu-'));
    await client.call('projectCreate', { body: { name: 'plant', windowSeconds: 1, pickEvery: 0 } });
    const devices = names.map((name, i) => ({ name, type: 'qemu-m4', tags: [i === 0 ? 'first' : 'others'] }));
    const { items } = await client.call('deviceRegisterMany', { params, body: { devices } });
    const keys = await client.call('signingKeyList', { params });
    const address = new URL(server.running.mqttUrl!);
    const broker = { host: address.hostname, port: Number(address.port), tls: false };
    const publicKey = Buffer.from(keys.items[0]!.publicKeyHex, 'hex');
    for (const { device, token } of items) {
      const identity = { project: 'plant', device: device.name, token, broker, publicKey };
      const more = { flash: runner.flash(hardware), inferencePeriodMs: 200 };
      await writeParameters(join(folder, device.name), parametersOf(hardware, identity, more));
    }
  }, 180_000);

  afterAll(async () => {
    await Promise.all([...running.values()].map((device) => device.stop()));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should enrol: hello names the hardware, the reset cause and no model', async () => {
    await start(names[0]!);
    await eventually(async () => expect((await detail()).presence).toBe('connected'), { timeoutMs: 30_000 });
    expect(await detail()).toMatchObject({ resetCause: 'power-on', activeDigest: null });
  }, 60_000);

  it('should install a signed release, pass its golden vectors and report what it infers', async () => {
    digest = await release('1.1.0', 'vibration-v1.tflite');
    await rollOut('1.1.0', 'tag = "first"');
    await expectRunning('1.1.0', digest);
    await eventually(
      async () => {
        const { items } = await client.call('deviceTelemetry', {
          params: { ...params, device: names[0]! },
          query: { limit: 5 },
        });
        expect(items[0]).toMatchObject({ release: 'vibration@1.1.0' });
        expect(items[0]!.n).toBeGreaterThan(2);
        expect(items[0]!.classCounts).toHaveLength(4);
      },
      { timeoutMs: 20_000 },
    );
  }, 150_000);

  it('should update, and find the update again after its power was gone', async () => {
    const before = digest;
    digest = await release('1.2.0', 'vibration-v2.tflite');
    await rollOut('1.2.0', 'tag = "first"');
    await expectRunning('1.2.0', digest);
    const { bootId } = await detail();
    process.kill(running.get(names[0]!)!.pid!, 'SIGKILL');
    await running.get(names[0]!)!.ended;
    await start(names[0]!);
    await eventually(
      async () => {
        const seen = await detail();
        expect(seen.bootId).not.toBe(bootId);
        expect(seen).toMatchObject({ resetCause: 'power-on', activeDigest: digest });
        expect(seen.slots.map(({ digest: held }) => held)).toContain(before);
      },
      { timeoutMs: 30_000 },
    );
  }, 150_000);

  it(`should run ${FLEET} of them at once`, async () => {
    for (const name of names.slice(1)) await start(name);
    await rollOut('1.2.0', 'tag = "others"');
    for (const name of names) await expectRunning('1.2.0', digest, name);
  }, 180_000);
});
