/**
 * An Arduino Uno (ATmega328P under simavr) against the whole server: a model compiled for 2,048 bytes, a release signed by the
 * project's key, a manifest made for this one device with a MAC, 256 bytes at a time, and SIGKILL for a power cut.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GraphBuilder, writeTflite } from '@tinyfleet/compiler';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { SimavrDevice, createAvrMemory, readAvrSlot } from '@tinyfleet/firmware';
import { describeWith, eventually } from '@tinyfleet/testing';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'bench' };
const type = 'arduino-uno';
const name = 'uno-1';

let server: TestServer;
let client: Client;
let folder: string;
let device: SimavrDevice;
const lines: string[] = [];

const detail = async (): Promise<CallOutput<'deviceGet'>> =>
  client.call('deviceGet', { params: { ...params, device: name } });

/** Two dense layers and a softmax over four gestures, with weights of this seed. */
function model(inputs: number, seed: number): Uint8Array {
  const b = new GraphBuilder('gestures');
  let bits = seed;
  const random = (n: number) =>
    Float32Array.from({ length: n }, () => {
      bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) >>> 0;
      return bits / 2 ** 31 - 1;
    });
  const layer = (input: number, id: string, units: number, width: number) =>
    b.fullyConnected(
      { input, filter: b.constant(`${id}/w`, [units, width], random(units * width)) },
      { name: id },
    );
  const hidden = layer(b.input('x', [1, inputs], null), 'hidden', 16, inputs);
  return writeTflite(b.build([b.softmax(layer(hidden, 'classes', 4, 16), 'probabilities')]));
}

async function build(version: string, source: Uint8Array): Promise<CallOutput<'buildGet'>> {
  await client.call('modelImport', {
    params: { ...params, model: 'gestures' },
    query: { fileName: 'gestures.tflite', version, labels: 'idle,wave,circle,shake' },
    body: source,
  });
  const options = { inputRange: [-1, 1] as [number, number] };
  await client.call('buildStart', {
    params,
    body: { model: 'gestures', version, deviceTypes: [type], options },
  });
  return await eventually(
    async () => {
      const now = await client.call('buildGet', {
        params: { ...params, model: 'gestures', version, deviceType: type },
      });
      expect(['succeeded', 'failed']).toContain(now.state);
      return now;
    },
    { timeoutMs: 60_000 },
  );
}

/** Imports, builds and signs a version, and rolls it out; gives the bundle's digest. */
async function release(version: string, seed: number): Promise<string> {
  const built = await build(version, model(24, seed));
  expect(built.state).toBe('succeeded');
  const body = { model: 'gestures', version, sign: true, soakSeconds: 2 };
  await client.call('releaseCreate', { params, body });
  await client.call('rolloutCreate', {
    params,
    body: { release: `gestures@${version}`, filter: `name = "${name}"` },
  });
  return built.bundleDigest!;
}

const expectRunning = async (version: string, digest: string): Promise<void> => {
  await eventually(
    async () =>
      expect(await detail()).toMatchObject({
        presence: 'connected',
        activeRelease: `gestures@${version}`,
        activeDigest: digest,
        lastError: null,
      }),
    { timeoutMs: 60_000 },
  ).catch((cause: unknown) => {
    throw new Error(`not running:\n${lines.slice(-40).join('\n')}`, { cause });
  });
};

describeWith(['avr-gcc', 'simavr'], 'an Arduino Uno under simavr', () => {
  const memoryFile = () => join(folder, 'uno.mem');

  beforeAll(async () => {
    await buildWorkspace();
    server = await startTestServer();
    client = server.client;
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-simavr-'));
    await client.call('projectCreate', { body: { name: 'bench', windowSeconds: 3, pickEvery: 0 } });
    const made = await client.call('deviceRegister', { params, body: { name, type } });
    await createAvrMemory(memoryFile(), {
      project: 'bench',
      device: name,
      deviceType: type,
      token: made.token,
    });
    const address = new URL(server.running.mqttUrl!);
    device = await SimavrDevice.create({
      memoryFile: memoryFile(),
      broker: { host: address.hostname, port: Number(address.port) },
      onLine: (line) => void lines.push(line),
      onCrash: (problem) => void lines.push(`crash: ${problem}`),
    });
  }, 180_000);

  afterAll(async () => {
    await device?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should enrol: hello says that it can verify a MAC and nothing else', async () => {
    device.powerOn();
    const hello = { algorithms: ['hmac-sha256'], methods: ['full'], slotBytes: 2_048 };
    await eventually(
      async () =>
        expect(await detail()).toMatchObject({
          presence: 'connected',
          activeDigest: null,
          reported: expect.objectContaining(hello),
        }),
      { timeoutMs: 30_000 },
    );
  }, 60_000);

  it('should install a signed release, pass its golden vectors and report what it infers', async () => {
    const digest = await release('1.0.0', 1);
    await expectRunning('1.0.0', digest);
    const slot = await readAvrSlot(memoryFile(), 0);
    const bytes = slot.readUInt32LE(8);
    expect(bytes).toBeLessThanOrEqual(2_048);
    expect(createHash('sha256').update(slot.subarray(0, bytes)).digest('hex')).toBe(digest);
    await eventually(
      async () => {
        const { items } = await client.call('deviceTelemetry', {
          params: { ...params, device: name },
          query: { limit: 5 },
        });
        expect(items[0]).toMatchObject({ release: 'gestures@1.0.0' });
        expect(items[0]!.classCounts).toHaveLength(4);
      },
      { timeoutMs: 30_000 },
    );
  }, 150_000);

  it('should update, and find the update again after its power was gone in the middle of it', async () => {
    const { bootId } = await detail();
    const pending = release('1.1.0', 2);
    await eventually(async () => expect((await detail()).updateState).toBe('fetching'), {
      timeoutMs: 60_000,
      intervalMs: 20,
    });
    await device.powerOff();
    device.powerOn();
    const digest = await pending;
    await expectRunning('1.1.0', digest);
    expect((await detail()).bootId).not.toBe(bootId);
  }, 150_000);

  it('should be told by the build, not by the device, that a model is too large', async () => {
    const failed = await build('2.0.0', model(100, 3));
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'compiler.slot-too-small' } });
  }, 90_000);
});
