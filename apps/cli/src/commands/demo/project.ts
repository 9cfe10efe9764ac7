/**
 * A project with a released model of the demo and devices, made through the public API like anybody's. Every step may be repeated, so
 * an interrupted set-up continues.
 */
import { join } from 'node:path';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { readInput } from '../../arguments.js';
import { programs } from '../../paths.js';

export const MODEL = 'vibration';
export const DEVICE_TYPE = 'wasm';
const BUILD_SECONDS = 120;

export interface DemoVersion {
  readonly version: string;
  /** In tools/demo-model/models. */
  readonly file: string;
  readonly notes: string;
  /** Without validation data nobody knows how good it is, nor what its inputs should look like. */
  readonly isValidated: boolean;
}

export interface DemoDevice {
  readonly name: string;
  readonly token: string;
  readonly type: string;
}

/** Imports, builds, releases and signs a version of the demo's model. @throws cli.process-failed, cli.timeout */
export async function releaseVersion(
  client: Client,
  project: string,
  wanted: DemoVersion,
): Promise<{ release: CallOutput<'releaseGet'>; bundle: Uint8Array; bundleBytes: number | null }> {
  const { version, file } = wanted;
  const params = { project, model: MODEL, version };
  const labels = readInput(join(programs.demoModels, 'labels.txt')).toString('utf8').trim().split('\n');
  await unlessExists(() =>
    client.call('modelImport', {
      params,
      query: { version, fileName: file, labels: labels.join(',') },
      body: readInput(join(programs.demoModels, file)),
    }),
  );
  if (wanted.isValidated)
    for (const [part, data] of [
      ['inputs', 'validation-x.npy'],
      ['labels', 'validation-y.npy'],
    ] as const)
      await client.call('modelValidation', {
        params: { ...params, part },
        body: readInput(join(programs.demoModels, data)),
      });
  const build = await buildModel(client, params);
  const release = await signedRelease(client, project, wanted);
  const bundle = await client.call('buildBundle', { params: { ...params, deviceType: DEVICE_TYPE } });
  return { release, bundle, bundleBytes: build.bundleBytes };
}

async function buildModel(
  client: Client,
  params: { project: string; model: string; version: string },
): Promise<CallOutput<'buildGet'>> {
  const { project, model, version } = params;
  const { items } = await client.call('buildStart', {
    params: { project },
    body: { model, version, deviceTypes: [DEVICE_TYPE] },
  });
  let [build] = items;
  const deadline = Date.now() + BUILD_SECONDS * 1_000;
  while (build !== undefined && (build.state === 'queued' || build.state === 'running')) {
    if (Date.now() > deadline)
      throw new FleetError('cli.timeout', { what: 'The demo build', seconds: BUILD_SECONDS });
    await new Promise((resolve) => setTimeout(resolve, 150));
    build = await client.call('buildGet', { params: { ...params, deviceType: DEVICE_TYPE } });
  }
  if (build?.state !== 'succeeded')
    throw new FleetError('cli.process-failed', {
      process: 'The demo build',
      reason: build?.error?.detail ?? build?.state ?? 'no build',
    });
  return build;
}

async function signedRelease(
  client: Client,
  project: string,
  { version, notes }: DemoVersion,
): Promise<CallOutput<'releaseGet'>> {
  const release = `${MODEL}@${version}`;
  await unlessExists(() =>
    client.call('releaseCreate', {
      params: { project },
      body: { model: MODEL, version, sign: true, notes },
    }),
  );
  const made = await client.call('releaseGet', { params: { project, release } });
  return made.signedAt === null ? client.call('releaseSign', { params: { project, release } }) : made;
}

/** All at once; devices of an interrupted set-up get new tokens instead. */
export async function registerDevices(
  client: Client,
  project: string,
  wanted: ReadonlyArray<{ readonly name: string; readonly site: string }>,
): Promise<DemoDevice[]> {
  const names = wanted.map(({ name }) => name);
  const params = { project };
  const present = await client.call('deviceList', { params, query: { limit: 500 } });
  const existing = new Set(present.items.map((d) => d.name));
  const missing = wanted.filter(({ name }) => !existing.has(name));
  const tokens = new Map<string, string>();
  if (missing.length > 0) {
    const made = await client.call('deviceRegisterMany', {
      params,
      body: {
        devices: missing.map((device) => ({ ...device, type: DEVICE_TYPE, tags: ['demo'] })),
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

/** The key that devices check signatures with. @throws releases.no-key */
export async function publicKeyHex(client: Client, project: string): Promise<string> {
  const [key] = (await client.call('signingKeyList', { params: { project } })).items;
  if (key === undefined) throw new FleetError('releases.no-key', { project });
  return key.publicKeyHex;
}

/** Undefined when there is none. */
export async function projectOf(
  client: Client,
  project: string,
): Promise<CallOutput<'projectGet'> | undefined> {
  try {
    return await client.call('projectGet', { params: { project } });
  } catch (error) {
    if ((error as { status?: number }).status === 404) return undefined;
    throw error;
  }
}

/** A step that an interrupted set-up has done before answers 409. */
export async function unlessExists(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if ((error as { status?: number }).status !== 409) throw error;
  }
}
