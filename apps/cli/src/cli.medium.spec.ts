/**
 * The CLI against a real server: `tinyfleet up` in its own data directory on free ports, then commands as a user
 * types them, then Ctrl-C. Runs what is built, so it builds first.
 */
import { createHash } from 'node:crypto';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeWith, eventually } from '@tinyfleet/testing';
import { decodeParameterBlock } from '@tinyfleet/wire';
import type { Command } from 'commander';
import { workspaceRoot } from './paths.js';

// Read when the commands are loaded; CI counts as a terminal.
process.env['NO_COLOR'] = '1';
const { outputFormats } = await import('./output/output.js');
const { createProgram, run } = await import('./program.js');

const bin = join(workspaceRoot, 'apps/cli/bin/tinyfleet.mjs');
const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-cli-'));
// As root the database runs as another user, who must be able to reach its directory.
chmodSync(folder, 0o711);
const env: NodeJS.ProcessEnv = {
  ...process.env,
  TINYFLEET_DATA_DIR: join(folder, 'data'),
  XDG_CONFIG_HOME: join(folder, 'config'),
};
delete env['NODE_OPTIONS'];
let server: ChildProcess | undefined;
let output = '';

function tinyfleet(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}
function json(...args: string[]): unknown {
  const result = tinyfleet(...args, '--output', 'json');
  if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
const pathOf = (command: Command): string[] =>
  command.parent ? [...pathOf(command.parent), command.name()] : [];
/** Commands whose result is a list or one thing. */
const PRINTS =
  /^(list|show|members|commands|credentials|deliveries|imports|invitations|waiting|attributes|connections|histograms|compare)$/;
/** What they are asked about; null: not here. */
const WITH: Readonly<Record<string, readonly string[] | null>> = {
  // There is none: alerts.medium.spec.ts of the server has one.
  'alert show': null,
  'build show': ['vibration@1.1.0', '--for', 'wasm'],
  // Of deployments and rollouts there are none: story.large.spec.ts has some.
  'deployment show': null,
  'device commands': ['pump-1'],
  'device attributes': ['pump-1'],
  'device connections': ['pump-1'],
  'device credentials': ['pump-1'],
  'device histograms': ['pump-1'],
  'device log': ['pump-1'],
  'device show': ['pump-1'],
  'device-type show': ['wasm'],
  // There is none: firmware.medium.spec.ts of storage and the device's own specs have some.
  'firmware show': null,
  'group members': ['printed'],
  'group show': ['printed'],
  'model show': ['vibration'],
  'quality compare': ['vibration@1.1.0', '--against', 'tag = "eu"'],
  'release show': ['vibration@1.1.0'],
  'rollout show': null,
  'user show': null,
  'webhook deliveries': ['printed'],
  'webhook show': ['printed'],
};
/** In this process, which has the commands loaded already: a second less than in one of its own. */
async function typed(...words: string[]) {
  const result = { status: 0, stdout: '', stderr: '' };
  // While a process was waited for, this one heard nothing: what the server closed meanwhile is still to be learnt.
  for (let turn = 0; turn < 2; turn++) await setImmediate();
  const given = process.env;
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk) => {
      result[name] += String(chunk);
      return true;
    }),
  );
  process.env = env;
  process.exitCode = undefined;
  try {
    result.status = await run(words);
  } finally {
    process.env = given;
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
  return result;
}
async function typedJson(...words: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await typed(...words, '--output', 'json');
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  const built = spawnSync(process.execPath, ['tools/workspace/build.mjs', '--quiet', '--no-sites'], {
    cwd: workspaceRoot,
    env,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  const child = spawn(process.execPath, [bin, 'up', '--no-demo', '--http-port', '0', '--mqtt-port', '0'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server = child;
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ctrl-C stops everything')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${output}`)));
  });
}, 120_000);

afterAll(() => {
  if (server?.exitCode === null) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('tinyfleet', () => {
  it('should show a short start with the URL and the one-time link', () => {
    expect(output).toMatch(/Ready in .* s\n/);
    expect(output).toMatch(/dashboard +http:\/\/127\.0\.0\.1:\d+\n/);
    expect(output).toMatch(/first sign-in, once +http:\/\/127\.0\.0\.1:\d+\/setup\S+\n/);
    expect(output.split('\n').length).toBeLessThan(25);
  });

  it('should find the context of a first start, readable by its owner only', () => {
    expect(statSync(join(folder, 'data/cli-context.json')).mode & 0o777).toBe(0o600);
    expect(json('context', 'show')).toMatchObject({ source: join(folder, 'data/cli-context.json') });
    expect(tinyfleet('setup-link').stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/setup\S+\n$/);
  });

  it('should make a project, choose it and register a device', () => {
    expect(tinyfleet('project', 'create', 'pumps', '--title', 'Pump hall').status).toBe(0);
    expect(tinyfleet('context', 'use', 'pumps').status).toBe(0);
    const made = json('device', 'add', 'pump-1', '--type', 'wasm', '--tags', 'pilot,eu') as {
      token: string;
      mqttUsername: string;
    };
    expect(made.mqttUsername).toBe('pumps/pump-1');
    expect(made.token).toMatch(/^[\w-]{43}$/);
    expect(json('device', 'list', '--filter', 'tag = "eu"')).toMatchObject([
      { name: 'pump-1', type: 'wasm' },
    ]);
    expect(tinyfleet('device', 'list', '--output', 'csv').stdout.split('\r\n')[0]).toBe(
      'name,type,state,presence,release,update,last contact,tags',
    );
  });

  it('should change many devices after counting them, and group them', async () => {
    for (const name of ['pump-2', 'pump-3'])
      await typedJson('device', 'add', name, '--type', 'wasm', '--tags', 'eu');
    const place = ['--site', 'hall', '--location', '52.5,13.4,roof'];
    expect(await typed('device', 'update', 'pump-1', ...place, '--set', 'cost=4')).toMatchObject({
      status: 0,
    });
    const filter = ['--filter', 'tag = eu and not desired.cost = 4'];
    const dry = await typed('device', 'update', ...filter, '--tag', 'late', '--dry-run');
    expect(dry.stdout).toContain('2 devices match (pump-2, pump-3). Nothing was changed.');
    expect(await typed('device', 'update', ...filter, '--tag', 'late')).toMatchObject({ status: 2 });
    expect((await typed('device', 'update', ...filter, '--tag', 'late', '--yes')).stdout).toContain(
      'changed  2 devices',
    );
    expect(await typedJson('group', 'create', 'late', '--filter', 'tag = late')).toMatchObject({
      kind: 'dynamic',
      count: 2,
    });
    expect(await typedJson('group', 'create', 'pilot', '--static')).toMatchObject({
      kind: 'static',
      count: 0,
    });
    expect(await typedJson('group', 'add', 'pilot', 'pump-1', 'pump-2')).toEqual({ changed: 2, count: 2 });
    expect(await typedJson('group', 'add', 'pilot', '--filter', 'group = late', '--yes')).toEqual({
      changed: 1,
      count: 3,
    });
    expect(await typedJson('group', 'remove', 'pilot', 'pump-1')).toEqual({ changed: 1, count: 2 });
    expect(await typedJson('group', 'members', 'pilot')).toMatchObject([
      { name: 'pump-2' },
      { name: 'pump-3' },
    ]);
    expect(
      await typedJson('device', 'list', '--filter', 'group = late', '--sort', 'createdAt'),
    ).toMatchObject([{ name: 'pump-3' }, { name: 'pump-2' }]);
    expect((await typed('group', 'list')).stdout).toMatch(/late +dynamic +2 .*tag = "late"/);
    expect(await typedJson('device', 'suspend', 'pump-2')).toMatchObject({ state: 'suspended' });
    expect(await typedJson('device', 'resume', '--filter', 'tag = late', '--yes')).toMatchObject({
      matched: 2,
      changed: 1,
    });
    expect(await typedJson('device', 'retire', 'pump-3', '--yes')).toMatchObject({ state: 'retired' });
    expect(await typed('device', 'resume', 'pump-3')).toMatchObject({ status: 5 });
    const shown = (await typed('device', 'show', 'pump-1')).stdout;
    expect(shown).toMatch(/location +roof 52\.5,13\.4/);
    expect(shown).toMatch(/desired +cost=4/);
    expect((await typed('device', 'list', '--filter', 'tpye = wasm')).stderr).toContain('did you mean type');
    for (const group of ['late', 'pilot'])
      expect((await typed('group', 'delete', group, '--yes')).status).toBe(0);
    for (const name of ['pump-2', 'pump-3'])
      expect((await typed('device', 'remove', name, '--yes')).status).toBe(0);
    expect(
      (await typed('device', 'update', 'pump-1', '--site', '', '--location', '', '--unset', 'cost')).status,
    ).toBe(0);
  });

  it('should queue commands for a device that is away, and ask before one that hurts', async () => {
    const unasked = await typed('device', 'ask', 'pump-1', 'reboot');
    expect(unasked.status).toBe(2);
    expect(unasked.stderr).toMatch(/Restart pump-1.*--yes/);
    expect(await typedJson('device', 'ask', 'pump-1', 'reboot', '--yes')).toMatchObject({ state: 'queued' });
    expect(await typedJson('device', 'ask', 'pump-1', 'set-cadence', '500')).toMatchObject({ argument: 500 });
    const edges = { build: '0102030405060708', monitors: [{ index: 1, centre: 0, edges: [-5, 5] }] };
    expect(await typedJson('device', 'ask', 'pump-1', 'set-edges', JSON.stringify(edges))).toMatchObject({
      command: 'set-edges',
      data: expect.any(String),
    });
    const rule = '{"bytes":4000,"confidenceBelow":128}';
    const off = await typed('device', 'ask', 'pump-1', 'capture', rule);
    expect(off.stderr).toContain('telemetry.samples-off');
    for (const wrong of [
      ['set-edges'],
      ['set-edges', 'x'],
      ['set-edges', '{}'],
      ['dance'],
      ['set-cadence'],
      ['set-cadence', '86400001'],
      ['say-hello', '1'],
    ])
      expect((await typed('device', 'ask', 'pump-1', ...wrong)).status).toBe(2);
    // Asked to wait, the exit code tells whether the device took it.
    const waited = await typed('device', 'ask', 'pump-1', 'say-hello', '--wait', '1');
    expect(waited.status).toBe(1);
    expect(waited.stdout).toContain('queued');
    expect(await typedJson('device', 'commands', 'pump-1')).toMatchObject([
      { command: 'say-hello', state: 'queued' },
      { command: 'set-edges', state: 'queued' },
      { command: 'set-cadence', state: 'queued' },
      { command: 'reboot', state: 'queued' },
    ]);
  });

  it('should rotate the signing key', async () => {
    expect(await typedJson('project', 'keys', 'rotate', '--yes')).toMatchObject({
      state: 'next',
      sequence: 2,
    });
    const keys = (await typedJson('project', 'keys', 'list')) as { keyId: string; state: string }[];
    expect(keys.map(({ state }) => state)).toEqual(['active', 'next']);
    const next = keys[1]!.keyId;
    expect(await typedJson('project', 'keys', 'activate', next, '--yes')).toMatchObject({ state: 'active' });
    expect((await typed('project', 'keys', 'activate', next, '--yes')).status).toBe(5);
  });

  it('should import, build and release a model', async () => {
    const model = join(workspaceRoot, 'tools/demo-model/models');
    const imported = await typedJson(
      'model', 'import', join(model, 'vibration-v1.tflite'), '--name', 'vibration',
      '--labels', `@${join(model, 'labels.txt')}`,
      '--validation', `${join(model, 'validation-x.npy')},${join(model, 'validation-y.npy')}`,
    ); // prettier-ignore
    expect(imported).toMatchObject({ model: 'vibration', version: '1.1.0', hasValidationData: true });
    const report = await typed('build', 'vibration', '--for', 'wasm,qemu-m4');
    expect(report.stderr).toContain('npx tinyfleet release create vibration@1.1.0 --sign');
    expect(report.stdout).toMatch(
      /vibration@1\.1\.0 for wasm[\s\S]*FLASH[\s\S]*ARENA[\s\S]*VALIDATION\naccuracy/,
    );
    expect(report.status).toBe(0);
    expect(await typedJson('build', 'show', 'vibration@1.1.0', '--for', 'wasm')).toMatchObject([
      { state: 'succeeded' },
    ]);
    expect(await typedJson('release', 'create', 'vibration@1.1.0', '--sign')).toMatchObject({
      state: 'approved',
    });
    expect((await typed('release', 'create', 'vibration@1.1.0')).status).toBe(5);
  });

  describeWith(['gcc'], 'flash', () => {
    const image = join(folder, 'gateway-1');
    const mqtt = () => /mqtt:\/\/(127\.0\.0\.1:\d+)/.exec(output)![1]!;
    const flash = (...more: string[]) =>
      tinyfleet('flash', 'gateway-1', '--out', image, '--broker', mqtt(), ...more);

    it('should write an image whose printed command is a device that runs its bundle', async () => {
      const bundle = join(folder, 'vibration.bundle');
      const file = join(workspaceRoot, 'tools/demo-model/models/vibration-v2.tflite');
      expect(tinyfleet('compile', file, '--out', bundle).status).toBe(0);
      const made = flash('--type', 'posix', '--bundle', bundle, '--sequence', '2', '--period', '50');
      expect({ status: made.status, stderr: made.stderr }).toMatchObject({ status: 0 });
      expect(statSync(join(image, 'parameters')).mode & 0o777).toBe(0o600);
      const command = made.stderr.trim().split(`in ${workspaceRoot}: `)[1]!;
      const device = spawn('sh', ['-c', `exec ${command}`], { cwd: workspaceRoot, stdio: 'ignore' });
      try {
        const digest = createHash('sha256').update(readFileSync(bundle)).digest('hex');
        await eventually(
          () =>
            expect(json('device', 'show', 'gateway-1')).toMatchObject({
              presence: 'connected',
              activeDigest: digest,
            }),
          { timeoutMs: 30_000, intervalMs: 500 },
        );
      } finally {
        device.kill('SIGTERM');
      }
    }, 60_000);

    it('should not write over an image unless told to, and keep its flash then', () => {
      const before = statSync(join(image, 'flash')).mtimeMs;
      const refused = flash();
      expect(refused.status).toBe(5);
      expect(refused.stderr).toContain('--force');
      const again = flash('--force');
      expect(again.status).toBe(0);
      expect(again.stdout).toContain('with a new token');
      expect(statSync(join(image, 'flash')).mtimeMs).toBe(before);
    });

    it('should tell what is wrong before a device loses its token', () => {
      const cases: [args: string[], status: number, text: string][] = [
        [['--force', '--type', 'wasm'], 2, 'registered as posix'],
        [['--force', '--broker', 'nowhere'], 2, 'HOST:PORT'],
        [['--force', '--ca', join(folder, 'none.pem')], 8, 'none.pem'],
        [['--force', '--bundle', join(folder, 'none.bundle')], 4, 'none.bundle'],
        [['--force', '--release', 'vibration@9.9.9'], 4, 'vibration@9.9.9'],
        [['--force', '--sensor', 'accelerometer'], 2, 'kind:axes'],
        [['--force', '--sensor', 'nose:3:g:16:800'], 2, 'nose'],
      ];
      const block = readFileSync(join(image, 'parameters'));
      for (const [args, status, text] of cases) {
        const result = flash(...args);
        expect({ args, status: result.status }).toEqual({ args, status });
        expect(result.stderr).toContain(text);
      }
      expect(readFileSync(join(image, 'parameters'))).toEqual(block);
      const unknown = tinyfleet('flash', 'gateway-2', '--out', join(folder, 'gateway-2'));
      expect(unknown.status).toBe(2);
      expect(unknown.stderr).toContain('--type posix');
    });

    it('should write the parameters of a board that runs elsewhere', () => {
      const board = tinyfleet(
        'flash',
        'board-1',
        '--type',
        'nucleo-l4r5zi',
        '--out',
        join(folder, 'board-1'),
      );
      expect(board.status).toBe(0);
      expect(board.stderr).toContain('docs/porting-agent.md');
      const parameters = decodeParameterBlock(readFileSync(join(folder, 'board-1/parameters')));
      expect(parameters).toMatchObject({ device: 'board-1', deviceType: 'nucleo-l4r5zi' });
      expect(parameters.flash).toMatchObject({ sectorBytes: 4_096, unitBytes: 8, erased: 255 });
    });
  });

  it('should refuse what is no model with code, hint and exit code', async () => {
    const result = await typed('model', 'import', join(workspaceRoot, 'package.json'), '--name', 'nothing');
    expect(result.status).toBe(6);
    expect(result.stderr).toMatch(/^error {2}.*\([a-z]+\.[a-z-]+\)\n/);
  });

  it('should name what does not exist', async () => {
    expect(await typed('device', 'show', 'none')).toMatchObject({ status: 4 });
    expect(await typed('model', 'import', 'none.tflite', '--name', 'x')).toMatchObject({ status: 4 });
    expect(await typed('rollout', 'start', 'vibration@9.9.9', '--to', 'tag = "eu"')).toMatchObject({
      status: 4,
    });
    expect((await typed('device', 'list', '--filter', 'tag ==')).status).toBe(2);
    expect((await typed('fly')).status).toBe(2);
  });

  it('should refuse a wrong token and an address without a server', () => {
    const { url } = json('context') as { url: string };
    expect(tinyfleet('project', 'list', '--url', url, '--token', 'wrong')).toMatchObject({ status: 3 });
    const away = tinyfleet('project', 'list', '--url', 'http://127.0.0.1:1', '--token', 'x');
    expect(away.status).toBe(7);
    expect(away.stderr).toContain('npm start');
  });

  it('should find nothing wrong in doctor', () => {
    const result = tinyfleet('doctor');
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
  });

  it('should print every list and every single thing as a table, as JSON and as CSV', async () => {
    json('group', 'create', 'printed', '--filter', 'tag = eu');
    json('webhook', 'create', 'printed', '--to', 'https://hook.example', '--events', 'key.changed');
    const printing = leaves(createProgram()).filter((command) => PRINTS.test(command.name()));
    expect(printing.length).toBeGreaterThan(30);
    for (const command of printing) {
      const path = [command.parent?.name() ?? '', command.name()].join(' ').replace(/^npx tinyfleet /, '');
      const args = path in WITH ? WITH[path] : [];
      if (!args) continue;
      for (const format of outputFormats) {
        const words = [...pathOf(command), ...args, '--output', format];
        const { status, stdout, stderr } = await typed(...words);
        expect({ words, status, stderr }).toMatchObject({ words, status: 0 });
        if (format === 'json') expect(() => JSON.parse(stdout + stderr) as unknown).not.toThrow();
        if (format === 'csv') expect(stdout + stderr).toMatch(/^[a-z ,/A-Z]+\r?\n?/);
      }
    }
    for (const noun of ['group', 'webhook']) json(noun, 'delete', 'printed', '--yes');
  });

  it('should plan a shadow and a comparison, and refuse what belongs to neither', async () => {
    const plan = ['rollout', 'plan', 'vibration@1.1.0', '--to', 'tag = "eu"'];
    const shadow = await typedJson(...plan, '--shadow', '4', '--shadow-for', '2h');
    expect(shadow).toMatchObject({ kind: 'shadow', steps: [{ leastSeconds: 7_200 }] });
    expect(await typedJson(...plan, '--ab', '--share', '30', '--soak', '10m')).toMatchObject({
      kind: 'ab',
      steps: [{ leastSeconds: 600 }],
    });
    expect(await typed(...plan, '--share', '30')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('belong to --ab'),
    });
    expect((await typed(...plan, '--shadow', '4', '--gates', 'default')).stderr).toContain('have no gates');
    expect((await typed(...plan, '--ab', 'vibration@1.1.0')).stderr).toContain('rollouts.same-release');
  });

  it('should complete names that only the server knows', () => {
    const complete = (...words: string[]) =>
      tinyfleet('complete', '--', ...words)
        .stdout.trim()
        .split('\n');
    expect(complete('device', 'show', 'pu')).toEqual(['pump-1']);
    expect(complete('--project', 'pumps', 'model', 'show', '')).toEqual(['vibration']);
    expect(complete('device', 'list', '--filter', "'type = qemu-m4")).toEqual(['type = qemu-m4']);
    expect(complete('device', 'list', '--filter', 'tag = eu and lastS')).toEqual(['tag = eu and lastSeen']);
    expect(complete('device', 'list', '--project', 'p')).toEqual(['pumps']);
    expect(complete('completion', 'z')).toEqual(['zsh']);
    expect(complete('device', 'add', 'x')).toEqual(['']);
  });

  it('should sign in to a server by token and go back', () => {
    const { url, token } = JSON.parse(readFileSync(join(folder, 'data/cli-context.json'), 'utf8')) as Record<
      string,
      string
    >;
    expect(tinyfleet('login', '--url', url ?? '', '--token', token ?? '').status).toBe(0);
    const login = join(folder, 'config/tinyfleet/login.json');
    expect(statSync(login).mode & 0o777).toBe(0o600);
    expect(tinyfleet('logout').status).toBe(0);
    expect(existsSync(login)).toBe(false);
  });

  it('should invite, sign in with a password, limit a token, show what was done, and sign out', async () => {
    const { url } = (await typedJson('context')) as { url: string };
    const { link } = (await typedJson('user', 'invite', 'Ada@example.org', '--role', 'developer')) as {
      link: string;
    };
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/invite#[\w-]{43}$/);
    expect(await typedJson('user', 'invitations')).toMatchObject([
      { email: 'ada@example.org', role: 'developer' },
    ]);
    const password = 'correct horse battery';
    const accepted = await fetch(`${url}/api/v1/invitations/accept`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: link.split('#')[1], password }),
    });
    expect(accepted.status).toBe(201);
    expect(await typedJson('user', 'role', 'ada@example.org', 'operator')).toMatchObject({
      role: 'operator',
    });
    expect((await typed('user', 'remove', 'ada@example.org')).status).toBe(2);
    expect((await typed('user', 'show', 'ada@example.org')).stdout).toContain('pumps: operator');
    const elsewhere = await typed('project', 'list', '--url', 'http://elsewhere.example');
    expect(elsewhere.status).toBe(3);
    expect(elsewhere.stderr).toContain('npx tinyfleet login --url http://elsewhere.example');

    env['TINYFLEET_PASSWORD'] = password;
    const dataDir = env['TINYFLEET_DATA_DIR'];
    delete env['TINYFLEET_DATA_DIR'];
    try {
      expect(
        await typedJson('login', '--url', url, '--email', 'ada@example.org', '--days', '2'),
      ).toMatchObject({
        email: 'ada@example.org',
        project: 'pumps',
      });
      expect(await typedJson('token', 'list')).toEqual([]);
      expect(await typedJson('session', 'list')).toMatchObject([
        { kind: 'cli', via: 'password', isCurrent: true },
        { kind: 'browser', via: 'link', isCurrent: false },
      ]);
      const limits = ['--areas', 'devices', '--read-only', '--days', '1'];
      const ci = (await typedJson('token', 'create', 'ci', ...limits)) as { token: string };
      const withCi = (...args: string[]) => typed(...args, '--url', url, '--token', ci.token);
      expect((await withCi('device', 'list', '--project', 'pumps')).status).toBe(0);
      const refused = await withCi('model', 'list', '--project', 'pumps');
      expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('auth.token-scope')]);
      expect((await typed('token', 'create', 'x', '--areas', 'nonsense')).stderr).toContain(
        'auth.area-unknown',
      );
      expect((await typed('audit', 'list')).status).toBe(3);
      expect((await typed('token', 'revoke', 'ci', '--yes')).status).toBe(0);
      expect((await withCi('device', 'list', '--project', 'pumps')).status).toBe(3);
      const stored = JSON.parse(readFileSync(join(folder, 'config/tinyfleet/login.json'), 'utf8')) as {
        token: string;
      };
      expect((await typed('logout')).stdout).toMatch(/cli-\S+ has ended/);
      expect((await typed('project', 'list', '--url', url, '--token', stored.token)).status).toBe(3);
    } finally {
      delete env['TINYFLEET_PASSWORD'];
      env['TINYFLEET_DATA_DIR'] = dataDir;
    }
    const file = join(folder, 'audit.csv');
    expect((await typed('audit', 'export', '--all', '--format', 'csv', '--out', file)).status).toBe(0);
    const exported = readFileSync(file, 'utf8');
    expect(exported).toMatch(
      /^at,project,actor,action,subject,[^]*,person:ada@example\.org,session\.opened,/,
    );
    const changes = await typedJson('audit', 'list', '--subject', 'ada@example.org', '--action', 'member.*');
    expect(changes).toMatchObject([{ before: { role: 'developer' }, after: { role: 'operator' } }]);
  });

  it('should stop everything on Ctrl-C with exit code 0', async () => {
    const ended = new Promise<number | null>((resolve) => server?.once('exit', resolve));
    server?.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(output).toContain('Stopped.');
    expect(tinyfleet('project', 'list').status).toBe(7);
  });
});
