/**
 * The demo: project, model, build, release and 50 devices, made through the public API like anybody's. Every step
 * may be repeated, so an interrupted set-up continues. `<data dir>/demo/state.json` tells that it is complete, or
 * that the user removed it and does not want it back.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plural, type Client } from '@tinyfleet/contracts';
import { readInput } from '../../arguments.js';
import { writePrivate } from '../../context.js';
import {
  MODEL,
  projectOf,
  publicKeyHex,
  registerDevices,
  releaseVersion,
  unlessExists,
} from '../demo/project.js';

export const DEMO_PROJECT = 'demo';
const VERSION = '1.0.0';
const DEVICE_COUNT = 50;
const HISTORY_DAYS = 14;
const SITES = ['hall-a', 'hall-b', 'hall-c'] as const;

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
    if ((await projectOf(client, DEMO_PROJECT)) !== undefined) {
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
  const { release, bundle, bundleBytes } = await releaseVersion(client, DEMO_PROJECT, {
    version: VERSION,
    file: 'vibration-v1.tflite',
    notes: 'The model that the demo devices came with.',
    isValidated: true,
  });
  const bundleFile = join(folder(target.directory), `${MODEL}-${VERSION}.bundle`);
  writeFileSync(bundleFile, bundle);
  report(`release ${release.ref} signed, ${bundleBytes} bytes`);
  const wanted = Array.from({ length: DEVICE_COUNT }, (_, i) => ({
    name: `demo-${String(i + 1).padStart(3, '0')}`,
    site: SITES[i % SITES.length] ?? SITES[0],
  }));
  const devices = await registerDevices(client, DEMO_PROJECT, wanted);
  report(`${plural(devices.length, 'device')} registered`);
  const config = {
    url: target.url,
    mqttHost: target.mqttHost ?? '127.0.0.1',
    mqttPort: target.mqttPort,
    project: DEMO_PROJECT,
    apiToken: target.token,
    devices,
    publicKeyHex: await publicKeyHex(client, DEMO_PROJECT),
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

async function clientOf(target: DemoTarget): Promise<Client> {
  const { createClient } = await import('@tinyfleet/contracts');
  return createClient({ baseUrl: target.url, token: target.token });
}
