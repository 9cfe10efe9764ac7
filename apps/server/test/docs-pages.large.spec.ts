/** Pages of documentation, executed: their commands against the whole product, which is started once for all of them. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  describeWith,
  startProduct,
  tinyfleetBin,
  toolPath,
  workspaceRoot,
  type Product,
} from '@tinyfleet/testing';
import { createClient } from '@tinyfleet/contracts';
import { classId, decode, manifestToJson, messageToJson, signManifest, vendorId } from '@tinyfleet/wire';

let product: Product;
let folder = '';

const shellBlocks = /```sh\n([\s\S]*?)```/g;

/** Runs shell commands as a page shows them, in a project. */
async function run(project: string, lines: string): Promise<string> {
  const script = `set -eu\ncd ${folder}\n${lines}`.replaceAll(
    'npx tinyfleet',
    `${tinyfleetBin} --project ${project}`,
  );
  const ran = await product.shell(script);
  expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
  return ran.stdout;
}

async function blocksOf(page: string, blocks = shellBlocks): Promise<string> {
  const text = await readFile(join(workspaceRoot, page), 'utf8');
  return [...text.matchAll(blocks)].map(([, block]) => block).join('\n');
}

/** The shell blocks of a page one by one: people are asked, and devices come back, between them. */
async function blocksInOrder(page: string): Promise<string[]> {
  const text = await readFile(join(workspaceRoot, page), 'utf8');
  return [...text.matchAll(shellBlocks)].map(([, block]) => block!);
}

/** Runs the shell blocks of a page, in a project of its own. */
const runPage = async (page: string, project: string, blocks: RegExp): Promise<string> =>
  await run(project, `npx tinyfleet project create ${project}\n${await blocksOf(page, blocks)}`);

beforeAll(async () => {
  product = await startProduct({ args: ['--no-demo'] });
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-docs-pages-'));
}, 150_000);
afterAll(async () => {
  await product?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

describe('docs/api.md', () => {
  it('should work as the page says', async () => {
    const printed = await runPage('docs/api.md', 'lab', shellBlocks);
    expect(printed).toContain('pump-1,wasm,eu pilot,,,,7');
    const tokens = (await readFile(join(folder, 'tokens.csv'), 'utf8')).trim().split('\r\n');
    expect(tokens.map((line) => line.split(',')[0])).toEqual(['name', 'pump-1', 'pump-2']);
  }, 120_000);

  it('should work as the page on releases says', async () => {
    await copyFile(
      join(workspaceRoot, 'tools/demo-model/models/vibration-v2.tflite'),
      join(folder, 'model.tflite'),
    );
    const blocks = /<!-- executed -->\s+```sh\n([\s\S]*?)```/g;
    const printed = await runPage('docs/releases.md', 'presses', blocks);
    expect(printed).toContain('hears loose mounts');
    expect(printed).toContain('never said hello: judged by its type');
    const bom = await readFile(join(folder, 'vibration.cdx.json'));
    const envelope = JSON.parse(await readFile(join(folder, 'vibration.dsse.json'), 'utf8')) as {
      payload: string;
    };
    const sha256 = createHash('sha256').update(bom).digest('hex');
    expect(JSON.parse(Buffer.from(envelope.payload, 'base64').toString())).toMatchObject({
      predicate: { runDetails: { byproducts: [{ digest: { sha256 } }] } },
    });
  }, 180_000);
});

/** Three pumps, and a release to roll out to them. */
describe('docs/devices.md, cli.md and access.md', () => {
  const pump = (name: string): string =>
    `npx tinyfleet device add ${name} --type wasm --tags demo,stolen,pilot\n`;

  beforeAll(async () => {
    const models = join(workspaceRoot, 'tools/demo-model/models');
    await copyFile(join(models, 'vibration-v2.tflite'), join(folder, 'kws.tflite'));
    await run(
      'pumps',
      `npx tinyfleet project create pumps
       ${['pump-1', 'pump-17', 'pump-18'].map(pump).join('')}
       npx tinyfleet model import kws.tflite --name kws --version 1.1.0 --labels a,b,c,d
       npx tinyfleet build kws@1.1.0 --for wasm
       npx tinyfleet release create kws@1.1.0 --sign --soak 0`,
    );
    const { messages } = JSON.parse(
      await readFile(join(workspaceRoot, 'firmware-stubs/vectors/wire.json'), 'utf8'),
    ) as { messages: { message: string; hex: string }[] };
    const golden = (name: string): Buffer =>
      Buffer.from(messages.find(({ message }) => message === name)!.hex, 'hex');
    const { privateKey } = generateKeyPairSync('ed25519');
    const manifest = signManifest(
      {
        ...{ component: 'model', sequence: 2, vendorId: vendorId('pumps'), classId: classId('wasm') },
        ...{ digest: new Uint8Array(32), size: 1 },
        conditions: { abi: 65_536, opSet: Uint8Array.of(1), arenaBytes: 1, stateBytes: 0, floor: 0 },
      },
      privateKey,
    );
    await Promise.all([
      writeFile(join(folder, 'payload.bin'), golden('telemetry')),
      writeFile(
        join(folder, 'hello.json'),
        JSON.stringify(messageToJson('hello', decode('hello', golden('hello')), 'hex')),
      ),
      writeFile(join(folder, 'manifest.txt'), Buffer.from(manifest).toString('base64')),
      writeFile(join(folder, 'manifest.json'), JSON.stringify(manifestToJson(manifest))),
      writeFile(join(folder, 'project-key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' })),
      copyFile(join(workspaceRoot, 'firmware-stubs/abi/1.0/vibration.bundle'), join(folder, 'kws.bundle')),
    ]);
  }, 300_000);

  it('should work as the pages on devices and on the command line say', async () => {
    const home = await mkdtemp(join(folder, 'home-'));
    const completions = `export HOME=${home}\nmkdir -p ~/.local/share/bash-completion/completions\n`;
    const commandLine = await blocksInOrder('docs/cli.md');
    // A context of this machine has one server; the project is named on the line.
    const printed = await run('pumps', completions + commandLine.join('').replace(/^.*context use.*$/m, ''));
    expect(printed).toMatch(/^pump-17,wasm/m);
    expect(
      await readFile(join(home, '.local/share/bash-completion/completions/tinyfleet'), 'utf8'),
    ).toContain('complete');
    const told: string[] = [];
    for (const block of await blocksInOrder('docs/devices.md')) {
      // No device has said yet what it runs.
      told.push(await run('pumps', block.replaceAll(' and version < "1.1"', '')));
      // What is retired can only be removed, and the next block has it again.
      if (block.includes('device retire'))
        await run('pumps', `npx tinyfleet device remove pump-17 --yes\n${pump('pump-17')}`);
    }
    const all = told.join('');
    expect(all).toContain('BLE front end');
    expect(all).toMatch(/"opSet"/);
    expect((await run('pumps', 'npx tinyfleet group members pilot')).match(/^pump-/gm)).toHaveLength(3);
  }, 300_000);

  it('should work as the page on access says', async () => {
    const [people, prove, login, ...rest] = await blocksInOrder('docs/access.md');
    // Needs a browser and a provider: oidc.medium.spec.ts.
    expect(login).toContain('--oidc');
    const [invite, ...others] = people!.split('\n');
    const link = (await run('pumps', invite!)).trim();
    const token = new URL(link).hash.slice(1);
    await createClient({ baseUrl: product.url }).call('invitationAccept', {
      body: { token, name: 'Ada', password: 'correct horse battery staple' },
    });
    await run('pumps', `${prove}\n${others.join('\n')}`);
    const told = await run('pumps', rest.join(''));
    expect(told).toContain('tft_');
    expect(await readFile(join(folder, 'audit.csv'), 'utf8')).toContain('ada@example.com');
  }, 120_000);
});

describe('tinyfleet demo', () => {
  const play = async (line: string): Promise<Record<string, unknown>> => {
    const played = await product.shell(`${line} --output json`.replace('npx tinyfleet', tinyfleetBin));
    expect({ line, code: played.code, stderr: played.code === 0 ? '' : played.stderr }).toEqual({
      line,
      ...{ code: 0, stderr: '' },
    });
    return JSON.parse(played.stdout) as Record<string, unknown>;
  };

  it('should play each story of the quick start to its end, and leave its project until the demo is removed', async () => {
    const stories = (await blocksOf('docs/quick-start.md'))
      .split('\n')
      .filter((line) => line.includes(' demo '));
    expect(stories.map((line) => line.split(' ').at(-1))).toEqual(['bad-release', 'drift', 'rollback']);
    const [badRelease, drift, rollback] = [
      await play(stories[0]!),
      await play(stories[1]!),
      await play(stories[2]!),
    ];
    expect(badRelease).toMatchObject({ state: 'rolled-back' });
    expect(drift).toMatchObject({ subject: 'device=hall-b-03', verdict: 'sensor' });
    expect(rollback).toMatchObject({ state: 'rolled-back' });
    expect(Number(rollback['before']) - Number(rollback['after'])).toBeGreaterThan(0.05);
    const removed = (await product.cli('demo', 'remove', '--yes')).stdout;
    for (const name of ['demo-bad-release', 'demo-drift', 'demo-rollback']) expect(removed).toContain(name);
  }, 900_000);

  it('should say which project is no demo and leave it alone', async () => {
    await product.cli('project', 'create', 'demo-drift');
    const refused = await product.cli('demo', 'drift');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('not simulated')]);
    expect((await product.cli('project', 'show', 'demo-drift')).code).toBe(0);
  }, 60_000);
});

/** On one fleet: a model with validation data, and two pumps that keep predictions. */
describe('docs/quality.md, labels.md and privacy.md', () => {
  beforeAll(async () => {
    const models = join(workspaceRoot, 'tools/demo-model/models');
    const files = {
      'v1.tflite': 'vibration-v1.tflite',
      'v2.tflite': 'vibration-v2.tflite',
      'labels.txt': 'labels.txt',
    };
    for (const [to, from] of Object.entries({
      ...files,
      'x.npy': 'validation-x.npy',
      'y.npy': 'validation-y.npy',
    }))
      await copyFile(join(models, from), join(folder, to));
    const printed = await run(
      'demo',
      `npx tinyfleet project create demo
       npx tinyfleet device add pump-1 --type wasm
       npx tinyfleet device add pump-2 --type wasm
       npx tinyfleet model import v1.tflite --name vibration --version 1.1.0 --labels @labels.txt
       npx tinyfleet build vibration@1.1.0 --for wasm
       npx tinyfleet build show vibration@1.1.0 --for wasm --output json`,
    );
    const [digest] = /[0-9a-f]{64}/.exec(/"bundleDigest": ?"([0-9a-f]{64})"/.exec(printed)?.[0] ?? '') ?? [];
    const window = (device: string, sequence: number) => ({
      ...{
        device,
        bootId: '0000000100000001',
        sequence,
        uptimeMs: 60_000,
        schema: 0,
        startMs: 0,
        lengthMs: 60_000,
      },
      ...{
        startUnixMs: Date.now() - 3_600_000,
        build: Buffer.from(digest ?? '', 'hex')
          .subarray(0, 8)
          .toString('base64'),
      },
      ...{ n: 150, classes: [150, ...Array<number>(31).fill(0)], firstIndex: 0 },
      picks: [
        [50, 0, 200],
        [100, 1, 90],
      ],
    });
    const lines = ['pump-1', 'pump-2'].map((device, i) => JSON.stringify(window(device, i)));
    await writeFile(join(folder, 'kept.ndjson'), lines.join('\n'));
    await run('demo', 'npx tinyfleet telemetry backfill kept.ndjson');
  }, 600_000);

  it('should work as they say', async () => {
    const fill = `sed -i '2,$s/^\\([^,]*,[^,]*,[^,]*\\),,/\\1,0,/' todo.csv; cat todo.csv`;
    const [labels, quality, privacy] = await Promise.all(
      ['labels', 'quality', 'privacy'].map(async (page) => await blocksOf(`docs/${page}.md`)),
    );
    // The one knows nothing of the other.
    const printed = await Promise.all([
      run('demo', labels!.replace('# fill in the column label', fill)),
      run('demo', `${quality}\n${privacy}`),
    ]);
    expect(printed[0]).toMatch(/pump-[12],0000000100000001,(50|100),0,/);
    expect(printed[1]).toMatch(/windows +30 days\n/);
  }, 600_000);

  describeWith(['mosquitto_pub'], 'with docs/telemetry-sources.md', () => {
    it('should work as it says', async () => {
      const page = 'docs/telemetry-sources.md';
      const { token } = JSON.parse(
        await run('demo', 'npx tinyfleet device add press-07 --type wasm --output json'),
      ) as { token: string };
      await writeFile(join(folder, 'window.json'), await blocksOf(page, /```json\n([\s\S]*?)```/g));
      const lines = (await blocksOf(page))
        .replace('mosquitto_pub', toolPath('mosquitto_pub'))
        .replace('-p 1883', `-p ${product.mqttPort}`);
      const printed = await run(
        'demo',
        `TOKEN=${token}\n${lines}\nnpx tinyfleet telemetry export --device press-07`,
      );
      expect(printed).toMatch(/known already +2\n/);
      expect(printed).toMatch(/sums anew +1 day\n/);
      expect(printed).toMatch(/"device":"press-07","bootId":"0000000100000002"/);
    }, 600_000);
  });
});
