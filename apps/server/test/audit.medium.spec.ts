/**
 * The audit log: every mutating route of the table leaves an entry that says who, what and from where (a new route fails
 * for want of a step); what forgot one is refused in tests and written in production; and it is searched and exported.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newAuditOrigin, withAuditOrigin } from '@tinyfleet/auth';
import {
  createClient,
  projectScope,
  routes,
  type CallInput,
  type Client,
  type Resource,
  type Route,
  type RouteName,
} from '@tinyfleet/contracts';
import { transactOn } from '@tinyfleet/storage';
import { workspaceRoot } from '@tinyfleet/testing';
import { uuidv7 } from 'uuidv7';
import { issue, request, revocations } from './certificates.js';
import { signHandover, signRequest } from '@tinyfleet/releases';
import { exportLines } from '../src/http/audit/audit-export.js';
import { makeVersion, makeWorld, mutatingRoutes, type Values } from './route-fixtures.js';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const password = 'correct horse battery';
const userAgent = 'a test';
let server: TestServer;
let world: Values = {};
let admin: Client;

beforeAll(async () => {
  await buildWorkspace();
  server = await startTestServer();
  admin = clientWith({ authorization: `Bearer ${server.token}` });
}, 120_000);
afterAll(async () => {
  await server.stop();
});

let cookie = '';
/** A client with a name of its own; it keeps its session. */
function clientWith(own: Record<string, string>): Client {
  return createClient({
    baseUrl: server.url,
    fetch: async (input, init) => {
      const headers = { ...(init?.headers as Record<string, string>), ...own, 'user-agent': userAgent };
      const isBrowser = own['authorization'] === undefined;
      const session: Record<string, string> = isBrowser ? { cookie, origin: server.url } : {};
      const response = await fetch(input, { ...init, headers: { ...headers, ...session } });
      const [set] = response.headers.getSetCookie();
      if (set !== undefined) cookie = set.split(';')[0] ?? '';
      return response;
    },
  });
}
interface Entry {
  id: string;
  actor: string;
  action: string;
  target: string;
  detail: Record<string, unknown>;
  before: object | null;
  after: object | null;
  address: string | null;
  user_agent: string | null;
  request_id: string | null;
  token: string | null;
}
const since = async (id: string) =>
  await server.running.services.database.query<Entry>('select * from audit where id > $1 order by id', [id]);
const tokenOf = ({ path }: { path: string }) => path.split('#')[1] ?? '';

describe('every mutating route', () => {
  const params = () => ({ project: world['projects/:project']! });
  const device = () => ({ ...params(), device: 'd-1' });
  const version = () => ({ ...params(), model: 'vibration', version: '1.1.0' });
  const build = () => ({ ...version(), deviceType: 'wasm' });
  const authority = () => ({ ...params(), authority: 'theirs' });
  const webhook = () => ({ ...params(), webhook: 'hook' });
  const alert = () => ({ ...params(), alert: Number(world['alerts/:alert']) });
  const alertRoute = () => ({ ...params(), route: 'there' });
  const further = () => ({ ...params(), release: 'kws@3.1.0' });
  const rollout = () => ({ ...params(), number: Number(world['rollouts/:number']) });
  const model = async (file: string) =>
    new Uint8Array(await readFile(join(workspaceRoot, 'tools/demo-model/models', file)));
  const own = () => clientWith({});
  const via = async <N extends RouteName>(client: Client, name: N, input?: CallInput<N>) =>
    await client.call(name, input);
  /** What a step keeps for a later one. */
  const kept = {
    setup: '',
    code: '',
    invitation: '',
    reset: '',
    instanceInvitation: '',
    key: '',
    proof: '',
    crl: '',
    rollout: 0,
  };
  const email = 'first@example.org';
  const guest = 'guest@example.org';
  const verifier = 'v'.repeat(43);

  /** In this order: each does what the ones after it need. */
  const steps: Partial<Record<RouteName, () => Promise<unknown>>> = {
    setupLink: async () => (kept.setup = tokenOf(await via(admin, 'setupLink'))),
    setup: async () => via(own(), 'setup', { body: { token: kept.setup, email, password } }),
    login: async () => via(own(), 'login', { body: { email, password } }),
    passwordChange: async () => via(own(), 'passwordChange', { body: { current: password, password } }),
    tokenCreate: async () => via(own(), 'tokenCreate', { body: { name: 't' } }),
    tokenDelete: async () => via(own(), 'tokenDelete', { params: { name: 't' } }),
    cliLoginApprove: async () => {
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      const body = { challenge, machine: 'laptop' };
      kept.code = (await via(own(), 'cliLoginApprove', { body })).code;
    },
    cliLoginRedeem: async () => via(own(), 'cliLoginRedeem', { body: { code: kept.code, verifier } }),
    sessionDelete: async () => {
      const { auth } = server.running.services;
      const person = await server.running.services.stores.auth.findPerson(email);
      await auth.openSession(person!);
      const { items } = await own().call('sessionList');
      await via(own(), 'sessionDelete', { params: { id: items.find(({ isCurrent }) => !isCurrent)!.id } });
    },
    sessionDeleteOthers: async () => {
      const person = await server.running.services.stores.auth.findPerson(email);
      await server.running.services.auth.openSession(person!);
      await via(own(), 'sessionDeleteOthers');
    },
    personReset: async () => (kept.reset = tokenOf(await via(admin, 'personReset', { params: { email } }))),
    passwordReset: async () => via(own(), 'passwordReset', { body: { token: kept.reset, password } }),
    logout: async () => {
      await own().call('login', { body: { email, password } });
      await via(own(), 'logout');
    },
    instanceInvitationCreate: async () =>
      (kept.instanceInvitation = (
        await via(admin, 'instanceInvitationCreate', { body: { email: guest } })
      ).id),
    instanceInvitationDelete: async () =>
      via(admin, 'instanceInvitationDelete', { params: { id: kept.instanceInvitation } }),
    invitationCreate: async () => {
      const made = await via(admin, 'invitationCreate', {
        params: params(),
        body: { email: guest, role: 'viewer' },
      });
      kept.invitation = tokenOf(made);
    },
    invitationAccept: async () =>
      via(own(), 'invitationAccept', { body: { token: kept.invitation, password } }),
    invitationDelete: async () => {
      const body = { email: 'other@example.org', role: 'viewer' as const };
      const { id } = await admin.call('invitationCreate', { params: params(), body });
      await via(admin, 'invitationDelete', { params: { ...params(), id } });
    },
    memberPut: async () =>
      via(admin, 'memberPut', { params: { ...params(), email: guest }, body: { role: 'operator' } }),
    memberDelete: async () => via(admin, 'memberDelete', { params: { ...params(), email: guest } }),
    personUpdate: async () =>
      via(admin, 'personUpdate', { params: { email: guest }, body: { disabled: true } }),

    projectCreate: async () => via(admin, 'projectCreate', { body: { name: 'short-lived' } }),
    projectDelete: async () => via(admin, 'projectDelete', { params: { project: 'short-lived' } }),
    deviceTypeCreate: async () => {
      const { items } = await admin.call('deviceTypeList', { params: params() });
      const { builtIn: _, revision: __, ...spec } = items.find(({ name }) => name === 'wasm')!;
      await via(admin, 'deviceTypeCreate', { params: params(), body: { ...spec, name: 'own-type' } });
    },
    deviceTypeUpdate: async () =>
      via(admin, 'deviceTypeUpdate', {
        params: { ...params(), deviceType: 'own-type' },
        body: { title: 'Mine' },
      }),
    deviceTypeDelete: async () =>
      via(admin, 'deviceTypeDelete', { params: { ...params(), deviceType: 'own-type' } }),
    deviceRegister: async () =>
      via(admin, 'deviceRegister', { params: params(), body: { name: 'd-1', type: 'wasm' } }),
    deviceRegisterMany: async () =>
      via(admin, 'deviceRegisterMany', {
        params: params(),
        body: { devices: [{ name: 'd-2', type: 'wasm' }] },
      }),
    deviceUpdate: async () =>
      via(admin, 'deviceUpdate', { params: device(), body: { notes: 'in the hall' } }),
    deviceAttributes: async () =>
      via(admin, 'deviceAttributes', { params: device(), body: { desired: { limit: 3 } } }),
    deviceSuspend: async () => via(admin, 'deviceSuspend', { params: device() }),
    deviceResume: async () => via(admin, 'deviceResume', { params: device() }),
    deviceCommandSend: async () =>
      via(admin, 'deviceCommandSend', { params: device(), body: { command: 'say-hello' } }),
    deviceToken: async () => via(admin, 'deviceToken', { params: device(), body: {} }),
    credentialRevoke: async () => {
      const { items } = await admin.call('credentialList', { params: device() });
      const credential = items[0]!.id;
      await via(admin, 'credentialRevoke', { params: { ...device(), credential } });
    },
    credentialRevokeAll: async () => {
      await admin.call('deviceToken', { params: device(), body: {} });
      await via(admin, 'credentialRevokeAll', { params: device() });
    },
    groupCreate: async () => via(admin, 'groupCreate', { params: params(), body: { name: 'pilots' } }),
    groupUpdate: async () =>
      via(admin, 'groupUpdate', { params: { ...params(), group: 'pilots' }, body: { notes: 'x' } }),
    groupMembersAdd: async () =>
      via(admin, 'groupMembersAdd', { params: { ...params(), group: 'pilots' }, body: { devices: ['d-1'] } }),
    groupMembersRemove: async () =>
      via(admin, 'groupMembersRemove', {
        params: { ...params(), group: 'pilots' },
        body: { devices: ['d-1'] },
      }),
    groupDelete: async () => via(admin, 'groupDelete', { params: { ...params(), group: 'pilots' } }),
    deviceBulkAction: async () =>
      via(admin, 'deviceBulkAction', {
        params: params(),
        body: { filter: 'name = "d-1"', change: { notes: 'moved' } },
      }),
    bulkActionCancel: async () =>
      via(admin, 'bulkActionCancel', {
        params: { ...params(), action: world['bulk-actions/:action']! },
      }),

    modelImport: async () =>
      via(admin, 'modelImport', {
        params: { ...params(), model: 'vibration' },
        query: { fileName: 'v1.tflite', labels: 'normal,imbalance,bearing,looseness' },
        body: await model('vibration-v1.tflite'),
      }),
    firmwareImport: async () =>
      via(admin, 'firmwareImport', {
        params: { ...params(), firmware: 'gateway' },
        query: { version: '1.0.0', deviceType: 'posix', fileName: 'gateway.elf' },
        body: new TextEncoder().encode('an image'),
      }),
    firmwareRemove: async () =>
      via(admin, 'firmwareRemove', {
        params: { ...params(), firmware: 'gateway', firmwareVersion: '1.0.0' },
      }),
    modelForeignBuild: async () =>
      via(admin, 'modelForeignBuild', {
        params: version(),
        body: { build: '0000000700000002', deviceType: 'wasm' },
      }),
    modelValidation: async () =>
      via(admin, 'modelValidation', {
        params: { ...version(), part: 'inputs' },
        body: await model('validation-x.npy'),
      }),
    buildStart: async () =>
      via(admin, 'buildStart', {
        params: params(),
        body: { model: 'vibration', version: '1.1.0', deviceTypes: ['wasm'] },
      }),
    buildCancel: async () => via(admin, 'buildCancel', { params: build() }),
    buildRetry: async () => via(admin, 'buildRetry', { params: build() }),
    releaseCreate: async () => {
      const type = world['device-types/:deviceType']!;
      const scope = await server.running.services.projects.scopeOf(params().project);
      await makeVersion(server, scope, { model: 'kws', version: '3.0.0', type });
      await via(admin, 'releaseCreate', { params: params(), body: { model: 'kws', version: '3.0.0' } });
    },
    releaseSign: async () => via(admin, 'releaseSign', { params: { ...params(), release: 'kws@3.0.0' } }),
    releaseValidate: async () => {
      const type = world['device-types/:deviceType']!;
      const scope = await server.running.services.projects.scopeOf(params().project);
      await makeVersion(server, scope, { model: 'kws', version: '3.1.0', type });
      await admin.call('releaseCreate', { params: params(), body: { model: 'kws', version: '3.1.0' } });
      await via(admin, 'releaseValidate', { params: further(), body: {} });
    },
    releaseApprove: async () => via(admin, 'releaseApprove', { params: further(), body: {} }),
    releaseSignatures: async () => {
      const { services } = server.running;
      const scope = await services.projects.scopeOf(params().project);
      const { privateKey } = await services.keys.signer(scope);
      const request = await admin.call('releaseSigningRequest', { params: further() });
      await via(admin, 'releaseSignatures', { params: further(), body: signRequest(request, privateKey) });
    },
    releaseDeprecate: async () => via(admin, 'releaseDeprecate', { params: further(), body: {} }),
    releaseRevoke: async () => via(admin, 'releaseRevoke', { params: further(), body: { reason: 'bad' } }),
    keyHandoverAdd: async () => {
      const { services } = server.running;
      const { project } = params();
      const { privateKey } = await services.keys.signer(await services.projects.scopeOf(project));
      const { items } = await admin.call('signingKeyList', { params: params() });
      const next = items.find(({ keyId }) => keyId === world['signing-keys/:keyId'])!;
      const by = items.find(({ state }) => state === 'active')!.keyId;
      const devices = [{ device: world['devices/:device']!, by, counter: 1_000 }];
      await via(admin, 'keyHandoverAdd', {
        params: { ...params(), keyId: next.keyId },
        body: signHandover({ project, next, devices }, privateKey),
      });
    },
    signingKeyActivate: async () =>
      via(admin, 'signingKeyActivate', {
        params: { ...params(), keyId: world['signing-keys/:keyId']! },
        body: { force: true },
      }),
    signingKeyRotate: async () => via(admin, 'signingKeyRotate', { params: params(), body: {} }),
    signingKeyWithdraw: async () => {
      const { items } = await admin.call('signingKeyList', { params: params() });
      const { keyId } = items.find(({ state }) => state === 'next')!;
      await via(admin, 'signingKeyWithdraw', { params: { ...params(), keyId }, body: {} });
    },
    signingKeyRevoke: async () => {
      const { items } = await admin.call('signingKeyList', { params: params() });
      const { keyId } = items.find(({ state }) => state === 'retired')!;
      await via(admin, 'signingKeyRevoke', { params: { ...params(), keyId }, body: {} });
    },
    rolloutPause: async () => via(admin, 'rolloutPause', { params: rollout() }),
    rolloutResume: async () => via(admin, 'rolloutResume', { params: rollout() }),
    rolloutAbort: async () => via(admin, 'rolloutAbort', { params: rollout() }),
    rolloutCreate: async () =>
      via(admin, 'rolloutCreate', {
        params: params(),
        body: { release: world['releases/:release']!, filter: `name = "${world['devices/:device']}"` },
      }),
    rolloutSettingsSet: async () =>
      via(admin, 'rolloutSettingsSet', { params: params(), body: { approval: true, bytesPerSecond: null } }),
    updateRuleSet: async () =>
      via(admin, 'updateRuleSet', { params: device(), body: { kind: 'hold', reason: 'under test' } }),
    updateRuleRemove: async () => via(admin, 'updateRuleRemove', { params: device() }),
    rolloutPlan: async () =>
      via(admin, 'rolloutPlan', {
        params: params(),
        body: { release: world['releases/:release']!, filter: 'type = "wasm"' },
      }),
    rolloutApprove: async () => {
      const { auth, rollouts, projects, stores } = server.running.services;
      const scope = await projects.scopeOf(params().project);
      const filter = `name = "${world['devices/:device']}"`;
      const request = { release: world['releases/:release']!, filter, priority: 60 };
      kept.rollout = (await rollouts.start('person:other@example.org', scope, request)).number;
      // Somebody else's yes, and no token's.
      const person = await stores.auth.findPerson(email);
      cookie = `${cookie.split('=')[0]}=${await auth.openSession(person!)}`;
      await via(own(), 'rolloutApprove', { params: { ...params(), number: kept.rollout }, body: {} });
    },
    rolloutSkip: async () =>
      via(admin, 'rolloutSkip', { params: { ...params(), number: kept.rollout }, body: {} }),
    rolloutRetry: async () =>
      via(admin, 'rolloutRetry', { params: { ...params(), number: kept.rollout }, body: {} }),
    rolloutRollback: async () =>
      via(admin, 'rolloutRollback', { params: { ...params(), number: kept.rollout }, body: {} }),
    labelsPost: async () =>
      via(admin, 'labelsPost', {
        params: params(),
        body: { labels: [{ device: 'd-1', bootId: '0000000100000001', inferenceIndex: 1, label: 1 }] },
      }),
    labelImport: async () =>
      via(admin, 'labelImport', {
        params: params(),
        body: new TextEncoder().encode('device,bootId,inferenceIndex,label\nd-1,0000000100000001,2,1\n'),
      }),
    labelClaim: async () => via(admin, 'labelClaim', { params: params(), body: {} }),
    labelSkip: async () =>
      via(admin, 'labelSkip', {
        params: params(),
        body: { items: [{ device: 'd-1', bootId: '0000000100000001', inferenceIndex: 3 }] },
      }),
    labelUndo: async () =>
      via(admin, 'labelUndo', {
        params: params(),
        body: { items: [{ device: 'd-1', bootId: '0000000100000001', inferenceIndex: 3 }] },
      }),
    labelReturn: async () => via(admin, 'labelReturn', { params: params(), body: {} }),
    labelTaskOpen: async () => via(admin, 'labelTaskOpen', { params: params(), body: { devices: ['d-1'] } }),
    sampleSettingsSet: async () =>
      via(admin, 'sampleSettingsSet', {
        params: params(),
        body: { enabled: true, retentionDays: 7, bytesPerDeviceDay: 65_536 },
      }),
    telemetryBackfill: async () =>
      via(admin, 'telemetryBackfill', { params: params(), body: new TextEncoder().encode('{}\n') }),
    rollupRebuild: async () =>
      via(admin, 'rollupRebuild', {
        params: params(),
        body: { day: new Date().toISOString().slice(0, 10) },
      }),
    retentionSet: async () =>
      via(admin, 'retentionSet', {
        params: params(),
        body: {
          ...{ windowDays: 30, hourDays: null, deviceDayDays: 90, refusalDays: 7 },
          ...{ predictionDays: 30, alertDays: 30 },
        },
      }),
    sampleGet: async () =>
      via(admin, 'sampleGet', { params: { ...params(), sample: world['samples/:sample']! } }),
    sampleDelete: async () =>
      via(admin, 'sampleDelete', { params: { ...params(), sample: world['samples/:sample']! } }),
    deviceImport: async () =>
      via(admin, 'deviceImport', {
        params: params(),
        body: new TextEncoder().encode('name,type\nd-3,wasm\n'),
      }),
    provisioningKeyCreate: async () => {
      const body = { name: 'line', types: ['wasm'], nameTemplate: 'line-{name}' };
      kept.key = (await via(admin, 'provisioningKeyCreate', { params: params(), body })).key;
    },
    provision: async () => via(own(), 'provision', { body: { key: kept.key, name: '1' } }),
    enrolmentApprove: async () =>
      via(admin, 'enrolmentApprove', { params: { ...params(), device: 'line-1' } }),
    enrolmentReject: async () => {
      await own().call('provision', { body: { key: kept.key, name: '2' } });
      await via(admin, 'enrolmentReject', { params: { ...params(), device: 'line-2' } });
    },
    provisioningKeyRevoke: async () =>
      via(admin, 'provisioningKeyRevoke', { params: { ...params(), key: 'line' } }),
    claimCodeCreate: async () =>
      via(admin, 'claimCodeCreate', { params: { ...params(), device: 'd-3' }, body: {} }),
    deviceCertificate: async () => {
      const { csr } = await request();
      await via(admin, 'deviceCertificate', { params: { ...params(), device: 'd-3' }, body: { csr } });
    },
    provisionCertificate: async () => {
      const at = { ...params(), device: 'd-3' };
      const { token } = await admin.call('deviceToken', { params: at, body: {} });
      const { csr } = await request();
      const clientId = `${at.project}/d-3`;
      await via(own(), 'provisionCertificate', { body: { csr, clientId, token } });
    },
    authorityCreate: async () => {
      const authority = await issue('an authority', { isAuthority: true });
      const body = { name: 'theirs', certificate: authority.cert };
      const { challenge } = await via(admin, 'authorityCreate', { params: params(), body });
      kept.proof = (await issue(challenge!, { by: authority })).cert;
      kept.crl = await revocations(authority, ['0b']);
    },
    authorityProve: async () =>
      via(admin, 'authorityProve', { params: authority(), body: { certificate: kept.proof } }),
    authorityUpdate: async () =>
      via(admin, 'authorityUpdate', { params: authority(), body: { site: 'hall' } }),
    authorityRevokeSerial: async () =>
      via(admin, 'authorityRevokeSerial', { params: authority(), body: { serial: '0a' } }),
    authorityCrl: async () => via(admin, 'authorityCrl', { params: authority(), body: { crl: kept.crl } }),
    authorityDelete: async () => via(admin, 'authorityDelete', { params: authority() }),
    alertAcknowledge: async () => via(admin, 'alertAcknowledge', { params: alert(), body: {} }),
    alertMute: async () => via(admin, 'alertMute', { params: alert(), body: { seconds: 60 } }),
    alertComment: async () => via(admin, 'alertComment', { params: alert(), body: { text: 'x' } }),
    alertResolve: async () => via(admin, 'alertResolve', { params: alert(), body: {} }),
    alertRouteCreate: async () =>
      via(admin, 'alertRouteCreate', {
        params: params(),
        body: { kind: 'webhook', name: 'there', url: 'https://hook.invalid/' },
      }),
    alertRouteTest: async () => via(admin, 'alertRouteTest', { params: alertRoute() }),
    alertRouteDelete: async () => via(admin, 'alertRouteDelete', { params: alertRoute() }),
    qualitySettingsPut: async () => via(admin, 'qualitySettingsPut', { params: params(), body: {} }),
    qualityBaselineDeclare: async () =>
      via(admin, 'qualityBaselineDeclare', {
        params: params(),
        body: { from: '2026-01-01T00:00:00Z', to: '2026-01-05T00:00:00Z' },
      }),
    webhookCreate: async () =>
      via(admin, 'webhookCreate', {
        params: params(),
        body: { name: 'hook', url: 'https://hook.invalid/', events: ['key.changed'] },
      }),
    webhookUpdate: async () => via(admin, 'webhookUpdate', { params: webhook(), body: { enabled: true } }),
    webhookSecret: async () => via(admin, 'webhookSecret', { params: webhook(), body: {} }),
    webhookTest: async () => via(admin, 'webhookTest', { params: webhook() }),
    webhookReplay: async () => via(admin, 'webhookReplay', { params: webhook(), body: { from: 1, to: 1 } }),
    webhookDelete: async () => via(admin, 'webhookDelete', { params: webhook() }),
    deviceRetire: async () => via(admin, 'deviceRetire', { params: device() }),
    deviceDelete: async () => via(admin, 'deviceDelete', { params: { ...params(), device: 'd-2' } }),
  };
  /** They change nothing. */
  const reading: readonly RouteName[] = ['invitationPreview'];

  it('should have a step here', () => {
    const missing = mutatingRoutes.map(([name]) => name).filter((name) => !(name in steps));
    expect(missing.filter((name) => !reading.includes(name))).toEqual([]);
  });

  it.each(Object.keys(steps) as RouteName[])('should leave an entry: %s', async (name) => {
    // The world has people in it, and the first one is made with the link.
    if (Object.keys(world).length === 0 && !name.startsWith('setup')) world = await makeWorld(server, 'a', 1);
    const begin = uuidv7();
    await steps[name]?.();
    const entry = (await since(begin)).at(-1);
    expect(entry).toMatchObject({ user_agent: userAgent, address: '127.0.0.1' });
    expect(entry?.action).toMatch(/^[a-z-]+\.[a-z-]+$/);
    expect(entry?.action).not.toBe('request.done');
    expect(entry?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(entry?.target).not.toBe('');
    expect(entry?.actor).toMatch(
      /^(token:local|person:(first|guest)@example\.org|system|(device|provisioning-key|claim-code):.+)$/,
    );
    expect(entry?.token).toBe(entry?.actor === 'token:local' ? 'local' : null);
    const route: Route = routes[name];
    const isUpdate = route.method === 'PATCH' || (route.method === 'PUT' && route.body !== 'binary');
    if (isUpdate) expect([entry?.before, entry?.after]).not.toContain(null);
    if (route.method === 'DELETE' && !route.path.startsWith('/session'))
      expect({ ...entry?.before, ...entry?.detail }).not.toEqual({});
    const secrets = [password, kept.setup, kept.reset, kept.invitation].filter((secret) => secret !== '');
    for (const secret of secrets) expect(JSON.stringify(entry)).not.toContain(secret);
  });
});

describe('a change without an entry', () => {
  const origin = () => newAuditOrigin({ id: uuidv7(), address: '192.0.2.1', userAgent: undefined });
  const change = async (sql: string) => {
    const { database } = server.running.services;
    const from = origin();
    await withAuditOrigin(from, async () => await database.transaction(async (tx) => await tx.query(sql)));
    return from.hasUnauditedWrite;
  };

  it('should be noticed whatever the statement, and nothing else should', async () => {
    expect(await change(`update project set title = title || ''`)).toBe(true);
    expect(await change(`with t as (update project set title = title returning 1) select * from t`)).toBe(
      true,
    );
    expect(await change(`update project set title = 'x' where name = 'nobody'`)).toBe(false);
    expect(await change(`select * from project for update`)).toBe(false);
    expect(await change(`insert into instance (key, value) values ('k', '1') on conflict do nothing`)).toBe(
      true,
    );
    expect(await change(`insert into instance (key, value) values ('k', '1') on conflict do nothing`)).toBe(
      false,
    );
  });

  it('should not be noticed with an entry before or after it', async () => {
    const { database } = server.running.services;
    const from = origin();
    await withAuditOrigin(from, async () =>
      transactOn(database)(async ({ audit, auth }) => {
        await auth.replaceSetupLink(Buffer.alloc(32), new Date());
        await audit.append(null, { actor: 'system', action: 'x.y', target: 'z' });
      }),
    );
    expect([from.entries, from.hasUnauditedWrite]).toEqual([1, false]);
  });

  it('should refuse a test and be written by a running server', async () => {
    const { stores, projects } = server.running.services;
    const name = 'forgetful';
    await admin.call('projectCreate', { body: { name } });
    const scope = await projects.scopeOf(name);
    const lenient = await startTestServer({}, { isAuditStrict: false });
    try {
      // A service that forgets: the way the real one does it, without its entry.
      for (const one of [server, lenient]) {
        const { database } = one.running.services;
        const forgetful = one.running.services.tokens;
        forgetful.remove = async () => {
          await database.transaction(
            async (tx) => await tx.query(`update api_token set prefix = prefix || ''`),
          );
        };
      }
      const revoke = async (one: TestServer) =>
        one.client.call('tokenDelete', { params: { name: 'x' } }).then(
          () => 'done',
          (error: unknown) => (error as { code: string }).code,
        );
      expect([await revoke(server), await revoke(lenient)]).toEqual(['server.unaudited', 'done']);
      const { items } = await lenient.client.call('instanceAuditList', { query: { action: 'request.done' } });
      expect(items).toMatchObject([
        { actor: 'token:local', subject: 'tokenDelete', data: { params: { name: 'x' } } },
      ]);
      expect((await stores.audit.list(scope, { limit: 10 })).items.length).toBeGreaterThan(0);
    } finally {
      await lenient.stop();
    }
  });
});

describe('search and export', () => {
  const COUNT = 2_500;
  /** The project and its signing key. */
  const MADE = 2;
  const name = 'searched';
  const params = { project: name };
  const start = Date.parse('2026-01-01T00:00:00Z');
  const at = (i: number) => new Date(start + i * 60_000).toISOString();

  beforeAll(async () => {
    await admin.call('projectCreate', { body: { name } });
    const { database, projects } = server.running.services;
    // As entries of long ago look: ids and times go together.
    await database.query(
      `insert into audit (id, at, project_id, project_name, actor, action, target, detail)
       select (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(i % 4096), 3, '0')
           || '8' || lpad(to_hex(i), 15, '0'))::uuid,
         t, $1, $2, 'person:p' || i % 10 || '@example.org', case when i % 2 = 0 then 'thing.made' else 'thing.removed' end,
         'thing-' || i, jsonb_build_object('i', i, 'note', case when i = 7 then 'The Needle' else '=1+1' end)
       from generate_series(0, $3::int - 1) i, lateral (select $4::timestamptz + i * interval '1 minute' as t) x`,
      [(await projects.scopeOf(name)).id, name, COUNT, at(0)],
    );
  });

  const find = async (query: Record<string, unknown>) =>
    (await admin.call('auditList', { params, query: { limit: 500, ...query } })).items;

  it('should find by actor, action, subject, time and text, together', async () => {
    expect((await find({ action: 'thing.*' })).length).toBe(500);
    expect(await find({ actor: 'person:p3@example.org' })).toHaveLength(COUNT / 10);
    expect(await find({ actor: 'person:p3@example.org', action: 'thing.made' })).toEqual([]);
    expect(await find({ subject: 'thing-12' })).toMatchObject([{ data: { i: 12 }, at: at(12) }]);
    const range = await find({ from: at(10), to: at(13) });
    expect(range.map(({ data }) => data['i'])).toEqual([12, 11, 10]);
    expect(await find({ text: 'the needle' })).toMatchObject([{ subject: 'thing-7' }]);
    expect(await find({ text: 'the needle', from: at(8) })).toEqual([]);
    expect(await find({ text: `' or 1=1 --` })).toEqual([]);
    expect(await find({ text: '%' + '_' })).toEqual([]);
    expect(await find({ action: 'thing.made' })).toHaveLength(500);
    expect(await find({ action: 'thing' })).toEqual([]);
  });

  it('should page through all of it once, newest first, also when a page finds nothing', async () => {
    const { stores, projects } = server.running.services;
    const scope = await projects.scopeOf(name);
    const read = async (query: { text?: string }, lookAt: number) => {
      const seen: Resource<'AuditEntry'>[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const page = await stores.audit.list(scope, { ...query, cursor, limit: 100 }, lookAt);
        seen.push(...page.items);
        cursor = page.nextCursor ?? undefined;
        pages += 1;
      } while (cursor !== undefined);
      return { seen, pages };
    };
    const all = await read({}, 1_000);
    expect(all.seen).toHaveLength(COUNT + MADE);
    expect(all.seen.map(({ id }) => id)).toEqual([...all.seen.map(({ id }) => id)].sort().reverse());
    const needle = await read({ text: 'needle' }, 300);
    expect(needle.seen.map(({ subject }) => subject)).toEqual(['thing-7']);
    expect(needle.pages).toBe(Math.ceil((COUNT + MADE) / 300));
  });

  it('should keep projects apart, and show administrators of the instance everything', async () => {
    expect(await find({ action: 'project.made' })).toHaveLength(1);
    const all = await admin.call('instanceAuditList', { query: { action: 'project.made', limit: 500 } });
    expect(all.items.length).toBeGreaterThan(1);
    expect(all.items.map(({ project }) => project)).toContain('short-lived');
  });

  it('should be exported as NDJSON and as CSV that no spreadsheet runs', async () => {
    const text = async (query: Record<string, unknown>) =>
      new Response(await admin.call('auditExport', { params, query })).text();
    const ndjson = (await text({}))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Resource<'AuditEntry'>);
    expect(ndjson).toHaveLength(COUNT + MADE);
    expect(ndjson.at(-1)).toMatchObject({ subject: 'thing-0', action: 'thing.made' });
    const { audit } = server.running.services.stores;
    const scope = await server.running.services.projects.scopeOf(name);
    const hostile = { actor: '=cmd|x', action: 'thing.made', target: '@sum(1)', detail: { quote: 'a"b,c' } };
    await audit.append(scope, hostile);
    const csv = (await text({ format: 'csv', to: undefined })).split('\r\n');
    expect(csv[0]).toBe(
      'at,project,actor,action,subject,data,before,after,address,userAgent,requestId,token,id',
    );
    expect(csv[1]).toContain(`,'=cmd|x,thing.made,'@sum(1),"{""quote"":""a\\""b,c""}"`);
    // A head, one more entry, and nothing behind the last line's end.
    expect(csv).toHaveLength(COUNT + MADE + 3);
    expect((await text({ from: at(0), to: at(3) })).trimEnd().split('\n')).toHaveLength(3);
  });

  it('should export page by page, and read no further than it is read', async () => {
    let reads = 0;
    const lines = exportLines(async ({ limit }) => {
      reads += 1;
      const items = Array.from({ length: limit }, () => entry);
      return { items, nextCursor: 'more' };
    }, 'ndjson');
    for (let i = 0; i < 3; i++) await lines.next();
    expect(reads).toBe(3);
    await lines.return(undefined);
  });
  const entry: Resource<'AuditEntry'> = {
    id: uuidv7(),
    at: at(0),
    project: name,
    actor: 'a',
    action: 'b.c',
    subject: 'd',
    data: {},
    before: null,
    after: null,
    address: null,
    userAgent: null,
    requestId: null,
    token: null,
  };

  it('should not be changed, removed or moved to another project', async () => {
    const { database } = server.running.services;
    const scope = projectScope(uuidv7(), name);
    await expect(
      database.query('update audit set project_id = $1 where project_name = $2', [scope.id, name]),
    ).rejects.toThrow(/append-only/);
  });
});
