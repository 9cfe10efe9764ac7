/**
 * What the tests that walk the whole route table know of the API: a project with one of everything, whose names no
 * other project has, and bodies that are valid. A route with a parameter or a body that is unknown here fails them.
 */
import { createHash } from 'node:crypto';
import {
  isMutating,
  routes,
  type ProjectScope,
  type Resource,
  type Route,
  type RouteName,
} from '@tinyfleet/contracts';
import { versionOrder } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import { PgStores } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import type { TestServer } from './test-server.js';

export const allRoutes = Object.entries(routes) as (readonly [RouteName, Route])[];
export const mutatingRoutes = allRoutes.filter(([, route]) => isMutating(route));
export const projectRoutes = allRoutes.filter(([, route]) => route.path.includes('/:project'));

/** `devices/:device` for each parameter of a path: the word before tells what it names. */
export const parametersOf = (route: Route): string[] =>
  [...route.path.matchAll(/([\w-]+)\/:(\w+)/g)].map(([, word, name]) => `${word}/:${name}`);

/** Values by `word/:parameter`. */
export type Values = Readonly<Record<string, string>>;
/** Not an identifier: the same in every project. */
const CONSTANTS: Values = { 'validation/:part': 'inputs' };

/** @throws Error naming the parameter that has no value here */
export function pathOf(route: Route, values: Values): string {
  return `/api/v1${route.path.replace(/([\w-]+)\/:(\w+)/g, (_, word: string, name: string) => {
    const key = `${word}/:${name}`;
    const value = CONSTANTS[key] ?? values[key];
    if (value === undefined) throw new Error(`no fixture for ${key}: add one to route-fixtures.ts`);
    return `${word}/${encodeURIComponent(value)}`;
  })}`;
}
export const isConstant = (key: string): boolean => key in CONSTANTS;

/** Bodies that a sample of the schema does not do for. */
const BODIES: Partial<Record<RouteName, unknown>> = {
  rolloutCreate: { release: 'nothing@9.9.9', filter: 'type = "wasm"' },
  rollupRebuild: { day: '2026-01-01' },
  rolloutPlan: { release: 'nothing@9.9.9', filter: 'type = "wasm"' },
  releaseSignatures: {
    keyId: 'f'.repeat(16),
    manifests: [{ deviceType: 'nobody', kind: 'release', signatureHex: 'f'.repeat(128) }],
    provenance: 'f'.repeat(128),
  },
  keyHandoverAdd: { by: 'f'.repeat(16), asks: [{ device: 'nobody', askHex: 'a0' }] },
  modelForeignBuild: { build: '0'.repeat(16), deviceType: 'nobody' },
  updateRuleSet: { kind: 'exclude' },
  groupMembersAdd: { devices: ['nobody'] },
  cliLoginApprove: { challenge: 'c'.repeat(43), machine: 'nobody' },
  cliLoginRedeem: { code: 'c'.repeat(43), verifier: 'v'.repeat(43) },
  groupMembersRemove: { devices: ['nobody'] },
  deviceBulkAction: { filter: 'name = nobody', change: { notes: 'x' } },
  provision: { key: 'nobody', name: 'nobody' },
  provisionCertificate: { csr: 'nobody', clientId: 'nobody/nobody', token: 'nobody' },
  labelSkip: { items: [{ device: 'nobody', bootId: 'f'.repeat(16), inferenceIndex: 1 }] },
  labelUndo: { items: [{ device: 'nobody', bootId: 'f'.repeat(16), inferenceIndex: 1 }] },
  labelReturn: {},
  labelTaskOpen: { devices: ['nobody'] },
  sampleSettingsSet: { enabled: false, retentionDays: 1, bytesPerDeviceDay: 1_024 },
  alertRouteCreate: { kind: 'webhook', name: 'nobody', url: 'https://example.org/' },
  qualityBaselineDeclare: { from: '2026-01-01T00:00:00Z', to: '2026-01-05T00:00:00Z' },
  labelsPost: { labels: [{ device: 'nobody', bootId: 'f'.repeat(16), inferenceIndex: 1, label: 1 }] },
};

/** @throws Error naming the route whose body is unknown */
export function bodyOf(name: RouteName): string | Uint8Array<ArrayBuffer> | undefined {
  const { body } = routes[name] as Route;
  if (body === undefined) return undefined;
  if (body === 'binary') return new Uint8Array([1, 2, 3]);
  const given =
    BODIES[name] ?? sampleOf(z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as Schema);
  if (!body.safeParse(given).success)
    throw new Error(`no body for ${name}: add one to route-fixtures.ts (tried ${JSON.stringify(given)})`);
  return JSON.stringify(given);
}
export const headersOf = (route: Route): Record<string, string> =>
  route.body === undefined
    ? {}
    : { 'content-type': route.body === 'binary' ? 'application/octet-stream' : 'application/json' };

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Record<string, Schema>;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
}
const TEXTS = [
  'nobody',
  '9.9.9',
  'nothing@9.9.9',
  'x@example.org',
  '2030-01-01T00:00:00Z',
  '00000000-0000-7000-8000-000000000000',
  'f'.repeat(16),
  'f'.repeat(64),
  'https://example.org/',
];
const FORMATS: Readonly<Record<string, string>> = {
  email: TEXTS[3]!,
  'date-time': TEXTS[4]!,
  uuid: TEXTS[5]!,
  uri: TEXTS[8]!,
};

/** The least value that a schema allows: what is required, and no more. */
function sampleOf(schema: Schema, defs: Record<string, Schema> = schema.$defs ?? {}): unknown {
  if (schema.$ref !== undefined) return sampleOf(defs[schema.$ref.split('/').at(-1) ?? ''] ?? {}, defs);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first) return sampleOf(first, defs);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((key) => [key, sampleOf(schema.properties?.[key] ?? {}, defs)]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}, defs));
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return false;
    case 'null':
      return null;
    default: {
      const pattern = new RegExp(schema.pattern ?? '');
      return (
        FORMATS[schema.format ?? ''] ??
        TEXTS.find((text) => pattern.test(text) && text.length >= (schema.minLength ?? 0)) ??
        'x'.repeat(schema.minLength ?? 1)
      );
    }
  }
}

/** A model version and its build for a type, done; of bytes that nobody reads. */
export async function makeVersion(
  server: TestServer,
  scope: ProjectScope,
  ref: {
    readonly model: string;
    readonly version: string;
    readonly type: string;
    readonly schemaCrc?: number;
    /** What validation data said of it. */
    readonly validation?: Resource<'Baseline'>;
  },
): Promise<void> {
  const stores = new PgStores(server.running.services.database);
  const { model, version } = ref;
  await stores.models.lock(scope, model);
  await stores.models.addVersion(scope, {
    model,
    version,
    versionOrder: versionOrder(version),
    format: 'tflite',
    fileName: 'm.tflite',
    source: { digest: digest(`source ${scope.name} ${version}`), bytes: 1 },
    contract: { inputs: [], outputs: [], operators: {}, macs: 1 },
    inspection: {},
    labels: ['yes', 'no'],
    createdBy: 'test',
  });
  const source = await stores.builds.source(scope, ref);
  const made = { ...source, options: {}, optionsDigest: digest('options'), createdBy: 'test' };
  const { id } = await stores.builds.ensure(scope, made);
  await stores.builds.begin(scope, id);
  await stores.builds.succeed(scope, id, {
    bundle: { digest: digest(`bundle ${scope.name} ${version}`), bytes: 5 },
    report: {
      ...{ arenaBytes: 100, goldenVectors: 1, compilerVersion: '0' },
      ...(ref.validation ? { validation: ref.validation } : {}),
    },
    needs: {
      abi: 65_536,
      opSet: '08',
      ownOpSet: '',
      arenaBytes: 100,
      stateBytes: 0,
      classes: 2,
      schemaCrc: ref.schemaCrc ?? 9,
    },
  });
}

/** An alert as the engine opens one, of a watch that nobody has. */
export async function makeAlert(server: TestServer, scope: ProjectScope, subject: string): Promise<number> {
  const stores = new PgStores(server.running.services.database);
  const opened = await stores.alerts.open(
    scope,
    {
      ...{ kind: 'drift', severity: 'warning', verdict: 'sensor', scope: 'device', subject },
      ...{ title: `Sensor: ${subject}`, model: 'kws', watch: uuidv7(), atMs: Date.now(), owner: null },
      evidence: {
        ...{ statements: ['one device'], shifts: [], changedAt: null, roundSeconds: 3_600, devices: [] },
        ...{ deviceCount: 1, baseline: null, arl0: null, falseDiscoveryRate: null, judgedAgainst: '' },
      },
      incident: { stream: 0, shift: 1, devices: [], openedRound: 0, calm: 0 },
    },
    null,
  );
  return opened!.number;
}

/** A project with one of everything. `suffix` is in every name, `major` in every version. */
export async function makeWorld(server: TestServer, suffix: string, major: number): Promise<Values> {
  const { client } = server;
  const { database, auth } = server.running.services;
  const stores = new PgStores(database);
  const name = `project-${suffix}`;
  const params = { project: name };
  await client.call('projectCreate', { body: { name } });
  const scope = await server.running.services.projects.scopeOf(name);
  const [wasm] = (await client.call('deviceTypeList', { params })).items.filter(
    (type) => type.name === 'wasm',
  );
  const { builtIn: _, revision: __, ...spec } = wasm!;
  const type = `type-${suffix}`;
  await client.call('deviceTypeCreate', { params, body: { ...spec, name: type } });
  const device = `device-${suffix}`;
  await client.call('deviceRegister', { params, body: { name: device, type } });
  const group = `group-${suffix}`;
  await client.call('groupCreate', { params, body: { name: group } });
  const credential = (await client.call('credentialList', { params: { ...params, device } })).items[0]!.id;

  const model = `model-${suffix}`;
  const version = `${major}.0.0`;
  await makeVersion(server, scope, { model, version, type });
  await client.call('releaseCreate', { params, body: { model, version, sign: true } });
  const release = `${model}@${version}`;
  // Numbers of rollouts count from 1 in every project: the project of major 2 has one more than that of major 1.
  let number = 0;
  for (let i = 0; i < major; i++) {
    if (number > 0) await client.call('rolloutAbort', { params: { ...params, number } });
    const body = { release, filter: `name = "${device}"` };
    number = (await client.call('rolloutCreate', { params, body })).number;
  }
  const firmware = `firmware-${suffix}`;
  await client.call('firmwareImport', {
    params: { ...params, firmware },
    query: { version, deviceType: type, fileName: 'image.bin' },
    body: new TextEncoder().encode(`image of ${suffix}`),
  });
  const { keyId } = await client.call('signingKeyRotate', { params, body: {} });
  const webhook = { name: `hook-${suffix}`, url: 'https://hook.invalid/', events: ['key.changed' as const] };
  await client.call('webhookCreate', { params, body: webhook });
  const key = `key-${suffix}`;
  await client.call('provisioningKeyCreate', { params, body: { name: key, types: ['wasm'] } });
  const authority = `ca-${suffix}`;
  await client.call('authorityCreate', { params, body: { name: authority } });
  const imported = await client.call('deviceImport', {
    params,
    body: new TextEncoder().encode(`name,type\nimported-${suffix},wasm\n`),
  });
  // Open, and in no queue: nobody works on it.
  const action = uuidv7();
  const text = `name = "${device}"`;
  await stores.bulkActions.add(scope, {
    ...{
      id: action,
      text,
      filter: parseFilter(text),
      change: { notes: 'x' },
      createdBy: 'test',
      partDevices: 1,
    },
  });
  // Alerts are numbered as rollouts are.
  for (let i = 0; i < major; i++) await makeAlert(server, scope, `device=${device}-${i}`);
  const route = { name: `route-${suffix}`, kind: 'webhook' as const, url: 'https://hook.invalid/' };
  await client.call('alertRouteCreate', { params, body: route });
  const email = `member-${suffix}@example.org`;
  const person = {
    id: uuidv7(),
    email,
    name: email,
    passwordHash: null,
    instanceAdmin: false,
    emailProvenAt: null,
  };
  await stores.people.add(person);
  await stores.people.putMember(scope, person.id, 'viewer');
  const invited = { email: `guest-${suffix}@example.org`, role: 'viewer' as const };
  const invitation = await client.call('invitationCreate', { params, body: invited });
  const session = await auth.openSession(person);
  const sessions = await auth.listSessions(await auth.callerOf({ sessionSecret: session }));
  const rule = { kind: 'hold' as const, reason: `rule-${suffix}` };
  await client.call('updateRuleSet', { params: { ...params, device }, body: rule });
  const sample = uuidv7();
  await database.query(
    `insert into sample (project_id, id, device_id, boot_id, inference_index, build_prefix, ask, bytes, encoding, received_at, data)
     select project_id, $2, id, 1, 1, '\\x0102030405060708', 0, 2, 0, now(), '\\x0102' from device where project_id = $1 and name = $3`,
    [scope.id, sample, device],
  );
  return {
    'projects/:project': name,
    'samples/:sample': sample,
    'devices/:device': device,
    'credentials/:credential': credential,
    'device-types/:deviceType': type,
    'groups/:group': group,
    'bulk-actions/:action': action,
    'device-imports/:import': imported.id,
    'provisioning-keys/:key': key,
    'authorities/:authority': authority,
    'webhooks/:webhook': webhook.name,
    'alerts/:alert': String(major),
    'alert-routes/:route': route.name,
    'firmware/:firmware': firmware,
    'versions/:firmwareVersion': version,
    'models/:model': model,
    'versions/:version': version,
    'builds/:deviceType': type,
    'releases/:release': release,
    'rollouts/:number': String(number),
    'deployments/:deployment': String(number),
    'signing-keys/:keyId': keyId,
    'members/:email': email,
    'people/:email': email,
    'invitations/:id': invitation.id,
    'sessions/:id': sessions[0]!.id,
    'tokens/:name': `token-${suffix}`,
  };
}
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
