/**
 * The demo: project, model, build, release and 50 devices, made through the public API like anybody's. Every step
 * may be repeated, so an interrupted set-up continues. `<data dir>/demo/state.json` tells that it is complete, or
 * that the user removed it and does not want it back.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plural, type CallOutput, type Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { readInput } from '../../arguments.js';
import { writePrivate } from '../../context.js';
import { programs } from '../../paths.js';

export const DEMO_PROJECT = 'demo';
const MODEL = 'vibration';
const VERSION = '1.0.0';
const DEVICE_TYPE = 'wasm';
const DEVICE_COUNT = 50;
const HISTORY_DAYS = 14;
const SITES = ['hall-a', 'hall-b', 'hall-c'];

export interface DemoTarget {
  /** Data directory. */
  readonly directory: string;
  readonly url: string;
  /** Of an administrator. */
  readonly token: string;
  readonly mqttPort: number;
  readonly mqttHost?: string;
}

type State = { readonly state: 'complete' | 'removed' };

const folder = (directory: string) => join(directory, 'demo');
const stateFile = (directory: string) => join(folder(directory), 'state.json');
/** What the simulator is started with. Holds tokens: 0600. */
export const simulatorConfigFile = (directory: string) => join(folder(directory), 'simulator.json');

function readState(directory: string): State | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(directory), 'utf8')) as State;
  } catch {
    return undefined;
  }
}

function writeState(directory: string, state: State): void {
  writePrivate(stateFile(directory), `${JSON.stringify(state)}\n`);
}

/** The demo was removed on purpose: later starts leave it so. */
export function markRemoved(directory: string): void {
  if (!existsSync(folder(directory))) return;
  writeState(directory, { state: 'removed' });
  for (const path of [simulatorConfigFile(directory), flashFile(directory)])
    rmSync(path, { force: true, recursive: true });
}

export function forgetDemo(directory: string): void {
  rmSync(folder(directory), { recursive: true, force: true });
}

const flashFile = (directory: string) => join(folder(directory), 'flash');

/**
 * Makes the demo unless it is there or was removed.
 * @returns the simulator's configuration file, undefined when there is nothing to simulate
 */
export async function ensureDemo(
  target: DemoTarget,
  report: (text: string) => void,
): Promise<string | undefined> {
  const client = await clientOf(target);
  const state = readState(target.directory);
  if (state?.state === 'removed') return undefined;
  if (state?.state === 'complete') {
    if (await projectExists(client)) {
      refreshConfig(target);
      return simulatorConfigFile(target.directory);
    }
    markRemoved(target.directory);
    return undefined;
  }
  return createDemo(target, report);
}

export async function createDemo(target: DemoTarget, report: (text: string) => void): Promise<string> {
  const client = await clientOf(target);
  mkdirSync(folder(target.directory), { recursive: true });
  const params = { project: DEMO_PROJECT };
  await unlessExists(() =>
    client.call('projectCreate', {
      body: {
        name: DEMO_PROJECT,
        title: 'Demo: rotating machines',
        simulated: true,
        windowSeconds: 10,
        pickEvery: 50,
      },
    }),
  );
  report('demo project made');
  await importModel(client);
  report(`model ${MODEL} imported`);
  const build = await buildModel(client);
  report(`bundle built, ${build.bundleBytes} bytes`);
  const release = await releaseModel(client);
  const bundle = await client.call('buildBundle', {
    params: { ...params, model: MODEL, version: VERSION, deviceType: DEVICE_TYPE },
  });
  const bundleFile = join(folder(target.directory), `${MODEL}-${VERSION}.bundle`);
  writeFileSync(bundleFile, bundle);
  report(`release ${release.ref} signed`);
  const devices = await registerDevices(client);
  report(`${plural(devices.length, 'device')} registered`);
  const keys = await client.call('signingKeyList', { params });
  const [key] = keys.items;
  if (key === undefined) throw new FleetError('releases.no-key', { project: DEMO_PROJECT });
  const config = {
    url: target.url,
    mqttHost: target.mqttHost ?? '127.0.0.1',
    mqttPort: target.mqttPort,
    project: DEMO_PROJECT,
    apiToken: target.token,
    devices,
    publicKeyHex: key.publicKeyHex,
    factory: { bundle: bundleFile, sequence: release.sequence },
    history: { days: HISTORY_DAYS, windowSeconds: 3_600 },
    stateFile: flashFile(target.directory),
    pickEvery: 50,
  };
  writePrivate(simulatorConfigFile(target.directory), `${JSON.stringify(config, undefined, 2)}\n`);
  writeState(target.directory, { state: 'complete' });
  return simulatorConfigFile(target.directory);
}

/** URL, port and token may differ from the last start. */
export function refreshConfig(target: DemoTarget): void {
  const file = simulatorConfigFile(target.directory);
  const config = JSON.parse(readInput(file).toString('utf8')) as Record<string, unknown>;
  const next = {
    ...config,
    url: target.url,
    apiToken: target.token,
    mqttPort: target.mqttPort,
    mqttHost: target.mqttHost ?? config['mqttHost'],
  };
  writePrivate(file, `${JSON.stringify(next, undefined, 2)}\n`);
}

async function importModel(client: Client): Promise<void> {
  const params = { project: DEMO_PROJECT, model: MODEL };
  const model = readInput(join(programs.demoModels, 'vibration-v1.tflite'));
  const labels = readInput(join(programs.demoModels, 'labels.txt'))
    .toString('utf8')
    .trim()
    .split(/\s*[\n,]\s*/);
  await unlessExists(() =>
    client.call('modelImport', {
      params,
      query: { version: VERSION, fileName: 'vibration-v1.tflite', labels: labels.join(',') },
      body: model,
    }),
  );
  for (const [part, file] of [
    ['inputs', 'validation-x.npy'],
    ['labels', 'validation-y.npy'],
  ] as const)
    await client.call('modelValidation', {
      params: { ...params, version: VERSION, part },
      body: readInput(join(programs.demoModels, file)),
    });
}

async function buildModel(client: Client): Promise<CallOutput<'buildGet'>> {
  const params = { project: DEMO_PROJECT };
  const { items } = await client.call('buildStart', {
    params,
    body: { model: MODEL, version: VERSION, deviceTypes: [DEVICE_TYPE] },
  });
  let [build] = items;
  const deadline = Date.now() + 120_000;
  while (build !== undefined && (build.state === 'queued' || build.state === 'running')) {
    if (Date.now() > deadline) throw new FleetError('cli.timeout', { what: 'The demo build', seconds: 120 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    build = await client.call('buildGet', {
      params: { ...params, model: MODEL, version: VERSION, deviceType: DEVICE_TYPE },
    });
  }
  if (build?.state !== 'succeeded')
    throw new FleetError('cli.process-failed', {
      process: 'The demo build',
      reason: build?.error?.detail ?? build?.state ?? 'no build',
    });
  return build;
}

async function releaseModel(client: Client): Promise<CallOutput<'releaseGet'>> {
  const params = { project: DEMO_PROJECT };
  const ref = `${MODEL}@${VERSION}`;
  await unlessExists(() =>
    client.call('releaseCreate', {
      params,
      body: {
        model: MODEL,
        version: VERSION,
        sign: true,
        notes: 'The model that the demo devices came with.',
      },
    }),
  );
  const release = await client.call('releaseGet', { params: { ...params, release: ref } });
  return release.signedAt === null
    ? client.call('releaseSign', { params: { ...params, release: ref } })
    : release;
}

/** All at once; devices of an interrupted set-up get new tokens instead. */
async function registerDevices(
  client: Client,
): Promise<Array<{ name: string; token: string; type: string }>> {
  const params = { project: DEMO_PROJECT };
  const names = Array.from({ length: DEVICE_COUNT }, (_, i) => `demo-${String(i + 1).padStart(3, '0')}`);
  const present = await client.call('deviceList', { params, query: { limit: 500 } });
  const existing = new Set(present.items.map((d) => d.name));
  const missing = names.filter((name) => !existing.has(name));
  const tokens = new Map<string, string>();
  if (missing.length > 0) {
    const made = await client.call('deviceRegisterMany', {
      params,
      body: {
        devices: missing.map((name) => ({
          name,
          type: DEVICE_TYPE,
          tags: ['demo'],
          site: SITES[names.indexOf(name) % SITES.length] ?? null,
        })),
      },
    });
    for (const { device, token } of made.items) tokens.set(device.name, token);
  }
  for (const device of names.filter((name) => existing.has(name)))
    tokens.set(
      device,
      (await client.call('deviceToken', { params: { ...params, device }, body: { overlapSeconds: 0 } }))
        .token,
    );
  return names.map((name) => ({ name, token: tokens.get(name) ?? '', type: DEVICE_TYPE }));
}

async function clientOf(target: DemoTarget): Promise<Client> {
  const { createClient } = await import('@tinyfleet/contracts');
  return createClient({ baseUrl: target.url, token: target.token });
}

async function projectExists(client: Client): Promise<boolean> {
  try {
    await client.call('projectGet', { params: { project: DEMO_PROJECT } });
    return true;
  } catch (error) {
    if ((error as { status?: number }).status === 404) return false;
    throw error;
  }
}

/** A step that an interrupted set-up has done before answers 409. */
async function unlessExists(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if ((error as { status?: number }).status !== 409) throw error;
  }
}
