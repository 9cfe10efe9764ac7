/**
 * The agent as a process (the POSIX port) against the whole server: releases signed by the project's key, over a real
 * socket, into a real file, with SIGKILL for a power cut.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GraphBuilder, writeTflite } from '@tinyfleet/compiler';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { CATALOGUE } from '@tinyfleet/registry';
import { describeWith, eventually } from '@tinyfleet/testing';
import { Link, PosixDevice } from './posix-device.js';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'plant' };
/** Weights of one layer: what a transfer has to carry at least, for random bytes do not compress. */
const WEIGHTS = 192 * 1_024;
/** Small slots: a flash file of 2 MB instead of 17. */
const hardware = { ...CATALOGUE.find(({ name }) => name === 'posix')!, slotBytes: 1 << 20 };

let server: TestServer;
let client: Client;
let link: Link;
let device: PosixDevice;
let mqtt: { host: string; port: number };

const detail = async (): Promise<CallOutput<'deviceGet'>> =>
  client.call('deviceGet', { params: { ...params, device: 'gateway' } });

/** A dense network with weights of this seed. */
function model(seed: number): Uint8Array {
  const b = new GraphBuilder('dense');
  const hidden = WEIGHTS / 64;
  let bits = seed;
  const random = (n: number) =>
    Float32Array.from({ length: n }, () => {
      bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) >>> 0;
      return bits / 2 ** 31 - 1;
    });
  const x = b.input('x', [1, 64], null);
  const first = b.fullyConnected(
    { input: x, filter: b.constant('w1', [hidden, 64], random(hidden * 64)) },
    { name: 'hidden' },
  );
  const last = b.fullyConnected(
    { input: first, filter: b.constant('w2', [4, hidden], random(4 * hidden)) },
    { name: 'scores' },
  );
  return writeTflite(b.build([last]));
}

/** Imports, builds, signs; gives the bundle's digest. */
async function release(seed: number, version: string): Promise<string> {
  const at = { ...params, model: 'dense', version, deviceType: 'posix' };
  await client.call('modelImport', {
    params: { ...params, model: 'dense' },
    query: { fileName: 'dense.tflite', version, labels: 'a,b,c,d' },
    body: model(seed),
  });
  const options = { inputRange: [-1, 1] as [number, number] };
  await client.call('buildStart', {
    params,
    body: { model: 'dense', version, deviceTypes: ['posix'], options },
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
    body: { model: 'dense', version, sign: true, soakSeconds: 1 },
  });
  return built.bundleDigest!;
}

const rollOut = async (version: string) =>
  client.call('rolloutCreate', { params, body: { release: `dense@${version}`, filter: 'tag = "posix"' } });

const expectRunning = async (version: string, digest: string) =>
  eventually(
    async () =>
      expect(await detail()).toMatchObject({
        presence: 'connected',
        activeRelease: `dense@${version}`,
        activeDigest: digest,
      }),
    { timeoutMs: 60_000 },
  );

describeWith(['gcc'], 'a device process', () => {
  let digest = '';

  beforeAll(async () => {
    await Promise.all([buildWorkspace(), PosixDevice.build()]);
    server = await startTestServer();
    client = server.client;
    await client.call('projectCreate', { body: { name: 'plant', windowSeconds: 1, pickEvery: 0 } });
    const registered = await client.call('deviceRegister', {
      params,
      body: { name: 'gateway', type: 'posix', tags: ['posix'] },
    });
    const { items } = await client.call('signingKeyList', { params });
    const address = new URL(server.running.mqttUrl!);
    mqtt = { host: address.hostname, port: Number(address.port) };
    link = new Link(mqtt);
    const broker = { ...(await link.listen()), tls: false };
    device = await PosixDevice.flash(
      hardware,
      {
        project: 'plant',
        device: 'gateway',
        token: registered.token,
        broker,
        publicKey: Buffer.from(items[0]!.publicKeyHex, 'hex'),
      },
      { inferencePeriodMs: 50 },
    );
  }, 120_000);

  afterAll(async () => {
    await device.remove();
    await link.close();
    await server.stop();
  }, 60_000);

  it('should enrol: hello names its hardware, its reset cause and no model', async () => {
    await device.start();
    await eventually(async () => expect((await detail()).presence).toBe('connected'), { timeoutMs: 20_000 });
    const seen = await detail();
    expect(seen).toMatchObject({ resetCause: 'power-on', activeDigest: null });
    expect(seen.slots.every(({ state }) => state === 'empty')).toBe(true);
  }, 30_000);

  it('should install a release that the project has signed, and report what it infers', async () => {
    digest = await release(1, '1.1.0');
    await rollOut('1.1.0');
    await expectRunning('1.1.0', digest);
    await eventually(
      async () => {
        const { items } = await client.call('deviceTelemetry', {
          params: { ...params, device: 'gateway' },
          query: { limit: 5 },
        });
        expect(items[0]).toMatchObject({ release: 'dense@1.1.0' });
        expect(items[0]!.n).toBeGreaterThan(5);
        expect(items[0]!.classCounts).toHaveLength(4);
      },
      { timeoutMs: 20_000 },
    );
  }, 120_000);

  it('should go on with a transfer where SIGKILL has cut it, and end on the new model', async () => {
    const next = await release(2, '1.2.0');
    // A quarter of the bundle arrives, then nothing more.
    link.limit = link.bytesDown + WEIGHTS / 4;
    await rollOut('1.2.0');
    await link.stalled();
    await eventually(async () => expect((await detail()).updateState).toBe('fetching'));
    await device.kill();
    const already = link.bytesDown;
    link.limit = Number.POSITIVE_INFINITY;
    await device.start();
    await expectRunning('1.2.0', next);
    const rest = link.bytesDown - already;
    expect(rest).toBeLessThan(WEIGHTS);
    expect(rest).toBeGreaterThan(WEIGHTS / 2);
    const seen = await detail();
    expect(seen.resetCause).toBe('power-on');
    expect(seen.slots.map(({ digest: held }) => held)).toContain(digest);
    digest = next;
  }, 120_000);

  it('should tell a fault and a bite of the watchdog by their reset causes, and keep its model', async () => {
    for (const [signal, cause] of [
      ['SIGSEGV', 'fault'],
      ['SIGALRM', 'watchdog'],
    ] as const) {
      const before = await detail();
      device.signal(signal);
      await eventually(
        async () => {
          const seen = await detail();
          expect(seen).toMatchObject({ resetCause: cause, presence: 'connected', activeDigest: digest });
          expect(seen.bootId).not.toBe(before.bootId);
        },
        { timeoutMs: 20_000 },
      );
    }
  }, 60_000);

  it('should end on SIGTERM with code 0', async () => {
    device.signal('SIGTERM');
    expect(await device.ended).toBe(0);
  });

  it('should give sanitizers nothing to say, from the first hello to a running model', async () => {
    process.env['TINYFLEET_SANITIZE'] = '1';
    const body = { name: 'sanitized', type: 'posix', tags: ['sanitized'] };
    const { token } = await client.call('deviceRegister', { params, body });
    const { items } = await client.call('signingKeyList', { params });
    const publicKey = Buffer.from(items[0]!.publicKeyHex, 'hex');
    const broker = { ...mqtt, tls: false };
    const identity = { project: 'plant', device: 'sanitized', token, broker, publicKey };
    const sanitized = await PosixDevice.flash(hardware, identity, { inferencePeriodMs: 50 });
    try {
      await sanitized.start();
      await client.call('rolloutCreate', {
        params,
        body: { release: 'dense@1.2.0', filter: 'tag = "sanitized"' },
      });
      await sanitized.says(/inference 20: class/, 0, 60_000);
      sanitized.signal('SIGTERM');
      expect(await sanitized.ended).toBe(0);
      expect(sanitized.lines.join('\n')).not.toMatch(/Sanitizer|runtime error/);
    } finally {
      delete process.env['TINYFLEET_SANITIZE'];
      await sanitized.remove();
    }
  }, 300_000);
});
