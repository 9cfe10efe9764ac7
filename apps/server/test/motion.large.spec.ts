/**
 * People with a phone on their waist (motion_uci_hapt), each replayed through a simulated device that runs the firmware: a network that
 * a script trains, built with validation data of people it has not seen; one device is mounted turned by 90 degrees, one has a gain of
 * 1.3, one hangs for a tenth of its samples, and one belongs to a person the network has never seen. Alerts name the three.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { wasmUrl } from '@tinyfleet/firmware';
import { readBundle } from '@tinyfleet/runtime';
import { Simulation } from '@tinyfleet/simulator';
import { describeWith, eventually, workspaceRoot } from '@tinyfleet/testing';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'motion' };
const BUILT = { ...params, model: 'activity', version: '1.0.0' };
/** Whom the network was not trained on. */
const VALIDATED = [4, 10, 16, 22, 28];
const UNSEEN = 30;
/** (x, y, z) is (y, -x, z) there. */
const TURNED = 6;
const GAIN = 12;
const HANGING = 18;
const subjects = Array.from({ length: 30 }, (_, i) => i + 1);
const users = subjects.filter((subject) => !VALIDATED.includes(subject));
const two = (n: number): string => String(n).padStart(2, '0');
const nameOf = (subject: number): string => `user-${two(subject)}`;
/** The first look needs eight windows, and in the last two minutes a device may connect. Who has no more recording infers no more. */
const MINUTES = 12;
/** A frame of 128 rows at 50 Hz each 1.28 s; the recording is cut finer, so that none is seen twice. */
const [PERIOD_MS, CUT_MS, CUT_ROWS, AXES] = [1_280, 320, 16, 3];

let server: TestServer;
let simulation: Simulation | undefined;
let folder = '';
let env: Record<string, string> = {};
let bundleFile = '';

/** Each user's recording, played once, through the sensor that the user's device has. */
function scenario(gain: number, offset: number): string {
  const sensors = users.map((subject) => {
    const faults = [
      ...(subject === TURNED ? ['axes: [2, -1, 3]'] : []),
      ...(subject === HANGING ? ['stuck: { share: 10%, for: 12s }'] : []),
    ];
    return `  - { ${[
      ...['kind: recording', `file: subject-${two(subject)}.npy`, 'once: true'],
      ...[`frame: ${CUT_MS}ms`, `hopValues: ${CUT_ROWS * AXES}`, `offset: ${offset}`],
      ...[`gain: ${subject === GAIN ? 1.3 * gain : gain}`, ...faults],
    ].join(', ')} }`;
  });
  return [
    ...['name: motion', 'sensors:', ...sensors],
    ...['inference: { period: 1h }', 'window: 1m', 'ramp: 0s'],
    `history: { period: ${PERIOD_MS}ms, window: 1m }`,
  ].join('\n');
}

async function train(): Promise<void> {
  const trained = users.filter((subject) => subject !== UNSEEN);
  await promisify(execFile)(process.execPath, [
    ...[join(workspaceRoot, 'bench/motion/train.mjs'), folder],
    ...['--train', trained.join(','), '--validate', VALIDATED.join(','), '--replay', users.join(',')],
  ]);
}

/** Imports and builds it with its validation data, and signs it. */
async function release(): Promise<void> {
  const { client } = server;
  const file = async (name: string): Promise<Uint8Array> =>
    new Uint8Array(await readFile(join(folder, name)));
  await client.call('modelImport', {
    params: { ...params, model: BUILT.model },
    query: {
      fileName: 'motion.zip',
      version: BUILT.version,
      labels: (await readFile(join(folder, 'labels.txt'), 'utf8')).trim().split('\n').join(','),
    },
    body: await file('motion.zip'),
  });
  for (const [part, name] of [
    ['inputs', 'validation-x.npy'],
    ['labels', 'validation-y.npy'],
  ] as const)
    await client.call('modelValidation', { params: { ...BUILT, part }, body: await file(name) });
  await client.call('buildStart', {
    params,
    body: { model: BUILT.model, version: BUILT.version, deviceTypes: ['wasm'] },
  });
  await eventually(
    async () => {
      const build = await client.call('buildGet', { params: { ...BUILT, deviceType: 'wasm' } });
      expect(build.state).toBe('succeeded');
    },
    { timeoutMs: 300_000 },
  );
  await client.call('releaseCreate', {
    params,
    body: { model: BUILT.model, version: BUILT.version, sign: true, soakSeconds: 1 },
  });
  const bundle = await client.call('buildBundle', { params: { ...BUILT, deviceType: 'wasm' } });
  bundleFile = join(folder, 'activity.tflb');
  await writeFile(bundleFile, bundle);
}

/** The devices live through the recordings at once, then send what they have kept. */
async function replay(): Promise<void> {
  const { client, url, token, running } = server;
  const { gPerCount } = JSON.parse(await readFile(join(folder, 'replay.json'), 'utf8')) as {
    gPerCount: number;
  };
  // The driver of the sensor gives values as the model takes them.
  const [input] = readBundle(new Uint8Array(await readFile(bundleFile))).inputs;
  const { scale, zeroPoint } = input as { scale: number; zeroPoint: number };
  await writeFile(join(folder, 'motion.yaml'), scenario(gPerCount / scale, zeroPoint));
  const devices = [];
  for (const name of users.map(nameOf)) {
    const registered = await client.call('deviceRegister', { params, body: { name, type: 'wasm' } });
    devices.push({ name, token: registered.token, type: 'wasm' });
  }
  const broker = new URL(running.mqttUrl!);
  const problems: unknown[] = [];
  simulation = new Simulation(
    {
      ...{ url, project: params.project, apiToken: token, devices, runner: 'wasm', pickEvery: 0 },
      ...{ mqttHost: broker.hostname, mqttPort: Number(broker.port) },
      factory: { bundle: bundleFile, sequence: 1 },
      scenario: join(folder, 'motion.yaml'),
      history: { days: MINUTES / 1_440, windowSeconds: 60 },
    },
    wasmUrl,
    {
      report: (one) => {
        if (one.event === 'trap' || one.event === 'reboot') problems.push(one);
      },
      ended: () => {},
    },
  );
  await simulation.start();
  await eventually(
    () => {
      const { connected, windowsPending, windowsDropped } = simulation!.status();
      expect({ connected, windowsPending, windowsDropped }).toEqual({
        ...{ connected: users.length, windowsPending: 0, windowsDropped: 0 },
      });
    },
    { timeoutMs: 300_000 },
  );
  await simulation.stop();
  simulation = undefined;
  expect(problems).toEqual([]);
}

describeWith(['shared-data'], 'a fleet of people in motion', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-motion-'));
    await chmod(folder, 0o755);
    env = { TINYFLEET_DATA_DIR: join(folder, 'data') };
    await Promise.all([train(), buildWorkspace()]);
    // Nobody judges while the windows arrive: who is compared with whom must not depend on the speed of this machine.
    server = await startTestServer({ ...env, TINYFLEET_ROLES: 'api,broker,ingest,ota,rollout,compiler' });
    await server.client.call('projectCreate', {
      body: { name: params.project, windowSeconds: 60, pickEvery: 0 },
    });
    await release();
    await replay();
    await server.stop();
    server = await startTestServer(env);
  }, 900_000);

  afterAll(async () => {
    await simulation?.stop();
    await server?.stop();
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should name the turned device, the one with another gain and the one that hangs, and nobody else', async () => {
    const { client } = server;
    const expected = [TURNED, GAIN, HANGING].map((subject) => [`Sensor: ${nameOf(subject)}`, 'sensor']);
    // One look judges all of them: whom it does not name is like the others, the person nobody has seen before among them.
    const alerts = await eventually(
      async () => {
        const { items } = await client.call('alertList', { params, query: { limit: 100 } });
        const ofDevices = items.filter(({ scope }) => scope === 'device');
        const found = ofDevices.map(({ title, verdict }) => [title, verdict]);
        expect(found.sort()).toEqual(expected);
        return ofDevices;
      },
      { timeoutMs: 300_000 },
    );
    const streams = new Map<string, string[]>();
    for (const { number, subject } of alerts) {
      const { evidence } = await client.call('alertGet', { params: { ...params, alert: number } });
      expect(evidence.statements.at(-1)).toContain(`compared with as many of ${users.length - 1} others`);
      streams.set(
        subject,
        evidence.shifts.map(({ stream }) => stream),
      );
    }
    // Each in its own way: where gravity points to, how much of it there is, samples that repeat.
    const [turned, gain, hanging] = [TURNED, GAIN, HANGING].map((one) =>
      streams.get(`device=${nameOf(one)}`)!,
    );
    expect(turned).toContain('mean of channel 0');
    expect(gain).toContain('highest mean of channel 0');
    expect(hanging).toContain('share of stuck inferences');
  }, 360_000);
});
