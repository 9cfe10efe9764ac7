/**
 * The whole loop as a user runs it: `npm start`, then the commands of the README on a real model, with 50 simulated
 * devices that run the C firmware. Nothing here reaches into the product.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, type Client } from '@tinyfleet/contracts';
import { describeWith, eventually, startProduct, workspaceRoot, type Product } from '@tinyfleet/testing';

const KWS_LABELS = 'down,go,left,no,off,on,right,stop,up,yes,silence,unknown';
const sharedData = process.env['TINYFLEET_SHARED_DATA'] ?? join(workspaceRoot, '../shared/data');
const kwsFile = join(sharedData, 'mlperf_tiny/kws_ref_model.tflite');
const project = 'demo';

let product: Product;
let client: Client;

/** Runs a command that must succeed; the failure shows what it printed. */
async function tinyfleet(...args: string[]): Promise<string> {
  const result = await product.cli(...args);
  if (result.code !== 0) {
    throw new Error(
      `tinyfleet ${args.join(' ')} ended with ${result.code}\n${result.stdout}\n${result.stderr}`,
    );
  }
  return result.stdout;
}

async function allDevices() {
  const page = await client.call('deviceList', { params: { project }, query: { limit: 100 } });
  return page.items;
}

/** Counters of ota by their event. */
async function otaCounters(): Promise<Record<string, number>> {
  const text = await (await fetch(`${product.url}/metrics`)).text();
  const lines = text.matchAll(/^tinyfleet_ota_total\{event="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, event, value]) => [event!, Number(value)]));
}

/** Imports, builds, signs and rolls out a model, then checks that every device runs exactly that bundle. */
async function rollOut(file: string, name: string, labels: string): Promise<void> {
  const ref = `${name}@1.1.0`;
  await tinyfleet('model', 'import', file, '--name', name, '--labels', labels);
  const built = await tinyfleet('build', name, '--for', 'qemu-m4,wasm');
  expect(built).toContain('MACs');
  await tinyfleet('release', 'create', ref, '--sign');
  await tinyfleet('rollout', 'start', ref, '--to', 'tag = "demo"');
  const watched = await tinyfleet('rollout', 'watch');
  expect(watched).toMatch(/50/);

  await expectEveryDeviceRuns(name, '1.1.0');
}

/** Every device reports exactly the bundle that was built, and the CLI says so too. */
async function expectEveryDeviceRuns(name: string, version: string): Promise<void> {
  const ref = `${name}@${version}`;
  const build = await client.call('buildGet', {
    params: { project, model: name, version, deviceType: 'wasm' },
  });
  const devices = await allDevices();
  expect(devices).toHaveLength(50);
  expect(new Set(devices.map((device) => device.activeDigest))).toEqual(new Set([build.bundleDigest]));
  expect(new Set(devices.map((device) => device.activeRelease))).toEqual(new Set([ref]));

  const shown = await tinyfleet('device', 'show', 'demo-007');
  expect(shown).toContain(build.bundleDigest?.slice(0, 8));
  expect(shown).toContain(ref);
}

describe('the product', () => {
  beforeAll(async () => {
    product = await startProduct();
    client = createClient({ baseUrl: product.url, token: product.token });
  }, 180_000);

  afterAll(async () => {
    await product.stop();
  }, 60_000);

  it('should print its address, a one-time setup link and no stack trace', () => {
    expect(product.output()).toContain(product.url);
    expect(product.setupUrl).toBeDefined();
    expect(product.output()).not.toMatch(/^\s+at /m);
  });

  it('should have the demo fleet connected, on version 1 of the demo model', async () => {
    await eventually(
      async () => {
        const devices = await allDevices();
        expect(devices).toHaveLength(50);
        expect(devices.filter((device) => device.presence === 'connected')).toHaveLength(50);
        expect(new Set(devices.map((device) => device.activeRelease))).toEqual(new Set(['vibration@1.0.0']));
      },
      { timeoutMs: 180_000 },
    );
  }, 200_000);

  it('should show 14 days of history and accuracy from labels', async () => {
    await eventually(
      async () => {
        const accuracy = await client.call('accuracy', { params: { project }, query: {} });
        const total = accuracy.totals.find((row) => row.release === 'vibration@1.0.0');
        expect(total?.labels ?? 0).toBeGreaterThan(1_000);
        expect(total?.accuracy ?? 0).toBeGreaterThan(0.6);
        const first =
          accuracy.points.map((point) => Date.parse(point.at)).sort((a, b) => a - b)[0] ?? Date.now();
        expect(Date.now() - first).toBeGreaterThan(12 * 86_400_000);
      },
      { timeoutMs: 120_000 },
    );
  }, 130_000);

  it('should play a rollout before it begins on what the demo fleet has recorded, as its page says', async () => {
    const page = await readFile(join(workspaceRoot, 'docs/rollouts.md'), 'utf8');
    const line = /<!-- executed -->\s+```sh\n(.*)\n```/.exec(page)?.[1] ?? '';
    const { code, stdout, stderr } = await product.shell(line);
    expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
    expect(stdout).toContain('simulated on a fleet like the recorded one of 50 devices');
    expect(stdout).toMatch(/worse by +is stopped/i);
    expect(stdout).toMatch(/^10 points +\d/m);
  }, 240_000);

  it('should run the tour of the README word for word', async () => {
    const readme = await readFile(join(workspaceRoot, 'README.md'), 'utf8');
    const tour = /<!-- executed: tour -->\s+```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const lines = tour.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(5);
    // The quick start explains the same commands.
    const quickStart = await readFile(join(workspaceRoot, 'docs/quick-start.md'), 'utf8');
    const explained = [...quickStart.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
      block!.split('\n'),
    );
    expect(explained.filter((line) => /^npx tinyfleet (?!demo )/.test(line)).sort()).toEqual(
      [...lines].sort(),
    );
    for (const line of lines) {
      const result = await product.shell(line);
      expect({ line, code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
        line,
        code: 0,
        stderr: '',
      });
    }
    await expectEveryDeviceRuns('vibration', '1.1.0');
  }, 150_000);

  it('should hand every device another signing key, and sign with it', async () => {
    await tinyfleet('project', 'keys', 'rotate', '--yes');
    const next = async () =>
      (await client.call('signingKeyList', { params: { project } })).items.find(
        ({ state }) => state === 'next',
      );
    await eventually(async () => expect((await next())?.devices.next).toBe(50), { timeoutMs: 30_000 });
    await tinyfleet('project', 'keys', 'activate', (await next())!.keyId, '--yes');
  }, 60_000);

  it('should bring the next version as a delta, for a fraction of its bytes', async () => {
    await tinyfleet(
      'model',
      'import',
      'tools/demo-model/models/vibration-v3.tflite',
      '--name',
      'vibration',
      '--version',
      '1.2.0',
      '--labels',
      'normal,imbalance,bearing,looseness',
    );
    await tinyfleet('build', 'vibration', '--for', 'qemu-m4,wasm');
    await tinyfleet('release', 'create', 'vibration@1.2.0', '--sign');
    const { bundleBytes, delta } = await eventually(
      async () => {
        const release = await client.call('releaseGet', { params: { project, release: 'vibration@1.2.0' } });
        const build = release.builds.find(({ deviceType }) => deviceType === 'wasm');
        const found = build?.transfers.find(({ method, state }) => method === 'delta' && state === 'ready');
        expect(found?.base).toBe('vibration@1.1.0');
        return { bundleBytes: build!.bundleBytes, delta: found! };
      },
      { timeoutMs: 30_000 },
    );
    const before = await otaCounters();
    await tinyfleet('rollout', 'start', 'vibration@1.2.0', '--to', 'tag = "demo"');
    await tinyfleet('rollout', 'watch');
    await expectEveryDeviceRuns('vibration', '1.2.0');
    const after = await otaCounters();
    const grown = (event: string) => after[event]! - before[event]!;
    expect([grown('deltaTransfers'), grown('fullTransfers')]).toEqual([50, 0]);
    expect(grown('savedBytes')).toBe(50 * (bundleBytes - delta.bytes!));
    // Chunks with their heads.
    expect(grown('chunkBytes')).toBeLessThan(50 * (delta.bytes! + 64 * Math.ceil(delta.bytes! / 1_024)));
  }, 120_000);

  it('should take commands, and tell that it moved to the new key', async () => {
    const { items } = await client.call('signingKeyList', { params: { project } });
    const keyId = items.find(({ state }) => state === 'active')?.keyId;
    // The key changes hands when the soak is over.
    await eventually(
      async () => {
        expect(await tinyfleet('device', 'ask', 'demo-003', 'say-hello', '--wait', '20')).toContain('taken');
        const { reported } = await client.call('deviceGet', { params: { project, device: 'demo-003' } });
        expect(reported['currentKey']).toBe(keyId);
      },
      { timeoutMs: 60_000 },
    );
    expect(await tinyfleet('device', 'ask', 'demo-003', 'reboot', '--yes', '--wait', '20')).toContain(
      'taken',
    );
    expect(await tinyfleet('device', 'commands', 'demo-003')).toMatch(/reboot +taken[^]*say-hello +taken/);
  }, 90_000);

  describeWith(['shared-data'], 'with the MLPerf Tiny keyword model', () => {
    it('should roll it out to all 50 devices, bit-exact by their own self-test', async () => {
      await rollOut(kwsFile, 'kws', KWS_LABELS);
    }, 180_000);

    it('should receive telemetry of the new model', async () => {
      await eventually(
        async () => {
          const page = await client.call('deviceTelemetry', {
            params: { project, device: 'demo-007' },
            query: { limit: 5 },
          });
          expect(page.items[0]?.release).toBe('kws@1.1.0');
          expect(page.items[0]?.n ?? 0).toBeGreaterThan(0);
          expect(page.items[0]?.classCounts).toHaveLength(12);
        },
        { timeoutMs: 60_000 },
      );
    }, 70_000);
  });

  it('should refuse what is not a model, and say what to do', async () => {
    const result = await product.cli('model', 'import', join(workspaceRoot, 'README.md'), '--name', 'bad');
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/tflite/i);
  }, 30_000);

  it('should remove the demo with one command and keep running', async () => {
    await tinyfleet('demo', 'remove', '--yes');
    await eventually(
      async () => {
        const projects = await client.call('projectList', {});
        expect(projects.items.map((item) => item.name)).not.toContain('demo');
      },
      { timeoutMs: 20_000 },
    );
    expect((await fetch(`${product.url}/health/ready`)).status).toBe(200);
  }, 40_000);

  it('should stop everything on Ctrl-C', async () => {
    await product.stop();
    await expect(fetch(`${product.url}/health/live`)).rejects.toThrow();
  }, 40_000);
});
