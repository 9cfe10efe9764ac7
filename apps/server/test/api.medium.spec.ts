/** The API over a real port: each noun from its creation to its end, every answer checked against the contract. */
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GraphBuilder, estimate, writeTflite } from '@tinyfleet/compiler';
import { routes, type CallInput, type CallOutput, type Route, type RouteName } from '@tinyfleet/contracts';
import { signRequest } from '@tinyfleet/releases';
import { eventually, workspaceRoot } from '@tinyfleet/testing';
import { rawPublicKey, verifyManifest } from '@tinyfleet/wire';
import { z } from 'zod';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const models = join(workspaceRoot, 'tools/demo-model/models');
const params = { project: 'p' };
let server: TestServer;

beforeAll(async () => {
  await buildWorkspace();
  server = await startTestServer();
  await call('projectCreate', { body: { name: 'p', title: 'A project' } });
});
afterAll(async () => {
  await server.stop();
});

/** Also fails on an answer that the contract does not describe. */
async function call<N extends RouteName>(name: N, input?: CallInput<N>): Promise<CallOutput<N>> {
  const answer = await server.client.call(name, input);
  const { response } = routes[name] as Route;
  if (response instanceof z.ZodType) response.parse(answer);
  return answer;
}
const problem = async (work: Promise<unknown>) => {
  const error = (await work.catch((e: unknown) => e)) as { code: string; status: number };
  return [error.status, error.code];
};
const raw = async (
  path: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
) => server.fetch(path, { ...init, headers: { authorization: `Bearer ${server.token}`, ...init.headers } });

describe('health', () => {
  it('should be live and ready, and measure itself', async () => {
    expect((await server.fetch('/health/live')).status).toBe(200);
    const ready = await server.fetch('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      checks: { database: 'ok' },
    });
    expect(await (await server.fetch('/metrics')).text()).toContain('tinyfleet_http_request_seconds_bucket');
  });

  it('should expose the very metrics that docs/operate.md names', async () => {
    const text = await (await server.fetch('/metrics')).text();
    const exposed = [...text.matchAll(/^# TYPE (tinyfleet_\w+) /gm)]
      .map(([, name]) => name!)
      .filter((name) => !/^tinyfleet_(process|nodejs)_/.test(name));
    const page = await readFile(join(workspaceRoot, 'docs/operate.md'), 'utf8');
    const named = [...page.matchAll(/^\| `(tinyfleet_\w+)` +\| `\w+` /gm)].map(([, name]) => name!);
    expect(named.toSorted()).toEqual(exposed.toSorted());
  });
});

describe('openapi.json', () => {
  it('should be the committed description of the API, without a token', async () => {
    const committed = await readFile(join(workspaceRoot, 'docs/api/openapi.json'), 'utf8');
    const served = await server.fetch('/api/v1/openapi.json');
    expect(await served.json()).toEqual(JSON.parse(committed));
  });
});

describe('configuration', () => {
  it('should be shown without its secrets', async () => {
    const config = await call('config');
    expect(config['roles']).toMatchObject({ env: 'TINYFLEET_ROLES' });
    expect(config['databaseUrl']).toMatchObject({ value: null });
  });
});

describe('where devices connect', () => {
  it('should be the port that was opened, not the one that was asked for', async () => {
    expect((await call('config'))['mqtt.port']).toMatchObject({ value: 0 });
    expect(await call('deviceEndpointGet')).toEqual({
      mqttPort: Number(new URL(server.running.mqttUrl!).port),
      mqttsPort: null,
    });
  });
});

describe('devices', () => {
  it('should register one and many, all or none, and show each token once', async () => {
    const one = await call('deviceRegister', {
      params,
      body: { name: 'd-1', type: 'wasm', tags: ['b', 'a'] },
    });
    expect(one.token).toMatch(/^[\w-]{43}$/);
    expect(one.mqttUsername).toBe('p/d-1');
    const devices = [
      { name: 'd-2', type: 'wasm', site: 'hall' },
      { name: 'd-3', type: 'qemu-m4' },
    ];
    const many = await call('deviceRegisterMany', { params, body: { devices } });
    expect(new Set(many.items.map(({ token }) => token)).size).toBe(2);
    const half = {
      devices: [
        { name: 'd-4', type: 'wasm' },
        { name: 'd-1', type: 'wasm' },
      ],
    };
    expect(await problem(call('deviceRegisterMany', { params, body: half }))).toEqual([
      409,
      'registry.device-exists',
    ]);
    const twice = {
      devices: [
        { name: 'd-5', type: 'wasm' },
        { name: 'd-5', type: 'wasm' },
      ],
    };
    expect(await problem(call('deviceRegisterMany', { params, body: twice }))).toEqual([
      409,
      'registry.device-exists',
    ]);
    const unknown = { name: 'd-6', type: 'abacus' };
    expect(await problem(call('deviceRegister', { params, body: unknown }))).toEqual([
      404,
      'registry.type-not-found',
    ]);
    expect((await call('deviceList', { params })).items.map(({ name }) => name)).toEqual([
      'd-1',
      'd-2',
      'd-3',
    ]);
    expect(JSON.stringify(await call('deviceGet', { params: { ...params, device: 'd-1' } }))).not.toContain(
      one.token,
    );
  });

  it('should change tags and site, replace the token and remove', async () => {
    const device = { ...params, device: 'd-2' };
    const changed = await call('deviceUpdate', { params: device, body: { tags: ['x', 'x'], site: null } });
    expect(changed).toMatchObject({ tags: ['x'], site: null });
    const before = await tokenHash('d-2');
    const { token } = await call('deviceToken', { params: device, body: { overlapSeconds: 0 } });
    expect(await tokenHash('d-2')).toEqual(createHash('sha256').update(token).digest());
    expect(await tokenHash('d-2')).not.toEqual(before);
    await call('deviceDelete', { params: device });
    expect(await problem(call('deviceGet', { params: device }))).toEqual([404, 'registry.device-not-found']);
    const audit = await call('auditList', { params, query: { limit: 2 } });
    expect(audit.items.map(({ action }) => action)).toEqual(['device.removed', 'device.token-rotated']);
  });

  it('should tell who changed desired attributes, of this device and not of one that had its name before', async () => {
    const at = { ...params, device: 'known' };
    const register = async () =>
      call('deviceRegister', { params, body: { name: 'known', type: 'wasm', attributes: { cost: 4 } } });
    const set = async (desired: Record<string, string | number | null>) =>
      call('deviceAttributes', { params: at, body: { desired } });
    await register();
    await set({ owner: 'bob' });
    await call('deviceDelete', { params: at });
    await register();
    await set({ owner: 'ann' });
    await set({ owner: null, cost: 5 });
    const { items, nextCursor } = await call('deviceAttributeChanges', { params: at, query: { limit: 1 } });
    expect(items).toMatchObject([
      {
        changes: [
          { attribute: 'cost', before: 4, after: 5 },
          { attribute: 'owner', before: 'ann', after: null },
        ],
      },
    ]);
    expect(items[0]!.by).toMatch(/^token:/);
    const rest = await call('deviceAttributeChanges', { params: at, query: { cursor: nextCursor! } });
    expect(rest.items.map(({ changes }) => changes)).toEqual([
      [{ attribute: 'owner', before: null, after: 'ann' }],
    ]);
    await call('deviceDelete', { params: at });
    const nobody = { params: at, query: {} };
    expect(await problem(call('deviceAttributeChanges', nobody))).toEqual([
      ...[404, 'registry.device-not-found'],
    ]);
  });

  it('should queue commands, list them newest first and write them into the audit log', async () => {
    await call('deviceRegister', { params, body: { name: 'asked', type: 'wasm' } });
    const at = { ...params, device: 'asked' };
    const sent = await call('deviceCommandSend', {
      params: at,
      body: { command: 'set-cadence', argument: 500, expiresInSeconds: 10 },
    });
    expect(sent).toMatchObject({ command: 'set-cadence', argument: 500, state: 'queued', sentAt: null });
    expect(Date.parse(sent.expiresAt) - Date.parse(sent.createdAt)).toBe(10_000);
    await call('deviceCommandSend', { params: at, body: { command: 'reboot' } });
    const page = await call('deviceCommandList', { params: at, query: { limit: 1 } });
    expect(page.items.map(({ command }) => command)).toEqual(['reboot']);
    const rest = await call('deviceCommandList', { params: at, query: { cursor: page.nextCursor! } });
    expect(rest.items).toEqual([sent]);
    const { items } = await call('auditList', { params, query: { limit: 1 } });
    expect(items[0]).toMatchObject({ action: 'device.asked', subject: 'asked', data: { command: 'reboot' } });
    const refused = async (body: unknown) => {
      const response = await raw('/api/v1/projects/p/devices/asked/commands', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    const invalid = [400, 'server.invalid-request'];
    expect(await refused({ command: 'rotate-key' })).toEqual(invalid);
    expect(await refused({ command: 'abort', argument: 4_294_967_296 })).toEqual(invalid);
    expect(await refused({ command: 'reboot', expiresInSeconds: 9 })).toEqual(invalid);
    expect(await refused({ command: 'reboot', expiresInSeconds: 2_592_001 })).toEqual(invalid);
    expect(await refused({ command: 'reboot', argument: 1 })).toEqual([422, 'registry.command-invalid']);
    const nobody = { params: { ...params, device: 'nobody' }, query: {} };
    expect(await problem(call('deviceCommandList', nobody))).toEqual([404, 'registry.device-not-found']);
    await call('deviceDelete', { params: at });
  });

  it('should page through a filtered list', async () => {
    const devices = Array.from({ length: 25 }, (_, i) => ({
      name: `page-${i}`,
      type: 'wasm',
      tags: ['paged'],
    }));
    await call('deviceRegisterMany', { params, body: { devices } });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { filter: 'tag = paged', limit: 10, ...(cursor === undefined ? {} : { cursor }) };
      const page = await call('deviceList', { params, query });
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(devices.map(({ name }) => name).sort());
  });

  it('should know its catalogue and take own types', async () => {
    const builtIn = (await call('deviceTypeList', { params })).items.map(({ name }) => name);
    expect(builtIn).toEqual(
      expect.arrayContaining(['wasm', 'posix', 'qemu-m3', 'qemu-m4', 'qemu-m7', 'rpi-pico']),
    );
    const [wasm] = (await call('deviceTypeList', { params })).items.filter(({ name }) => name === 'wasm');
    const { builtIn: _, ...body } = { ...wasm!, name: 'own-board', slotBytes: 1_024, sectorBytes: 1_024 };
    await call('deviceTypeCreate', { params, body });
    expect(await problem(call('deviceTypeCreate', { params, body }))).toEqual([409, 'registry.type-exists']);
  });

  it('should change and remove own types as far as what uses them allows', async () => {
    const type = (name: string) => ({ ...params, deviceType: name });
    const update = (name: string, body: object, revision?: number) =>
      call('deviceTypeUpdate', {
        params: type(name),
        body,
        ...(revision === undefined ? {} : { headers: { 'if-match': `"${revision}"` } }),
      });
    const { builtIn: _, revision: __, ...m4 } = await call('deviceTypeGet', { params: type('qemu-m4') });
    expect(m4.sources?.core).toMatchObject({ checked: true });
    expect(await problem(update('qemu-m4', { title: 'x' }))).toEqual([409, 'registry.type-built-in']);
    expect(await problem(call('deviceTypeDelete', { params: type('qemu-m4') }))).toEqual([
      409,
      'registry.type-built-in',
    ]);
    expect(await problem(update('nobody', { title: 'x' }))).toEqual([404, 'registry.type-not-found']);

    const { ops, ...rest } = m4;
    const made = await call('deviceTypeCreate', { params, body: { ...rest, name: 'my-m4' } });
    // The ops of the firmware that comes with this version, unless said otherwise.
    expect(made).toMatchObject({ builtIn: false, revision: 1, ops });
    expect(await update('my-m4', { slotBytes: 65_536, title: 'Mine' }, 1)).toMatchObject({
      slotBytes: 65_536,
      revision: 2,
    });
    expect(await problem(update('my-m4', { title: 'x' }, 1))).toEqual([412, 'server.precondition-failed']);
    for (const impossible of [
      { ops: { NO_SUCH_OP: 1 } },
      { slotBytes: 65_537 },
      { slotBytes: 4_194_304 },
      { arenaBytes: 4_194_304 },
      { programUnitBytes: 5 },
    ])
      expect(await problem(update('my-m4', impossible))).toEqual([422, 'registry.type-invalid']);

    await call('deviceRegister', { params, body: { name: 'uses-my-m4', type: 'my-m4' } });
    expect(await problem(update('my-m4', { slotBytes: 4_096 }))).toEqual([409, 'registry.type-in-use']);
    expect(await problem(call('deviceTypeDelete', { params: type('my-m4') }))).toEqual([
      409,
      'registry.type-in-use',
    ]);
    expect(await update('my-m4', { slotBytes: 131_072, abi: '1.1' })).toMatchObject({ revision: 3 });
    await call('deviceDelete', { params: { ...params, device: 'uses-my-m4' } });
    await call('deviceTypeDelete', { params: type('my-m4') });
    expect(await problem(call('deviceTypeGet', { params: type('my-m4') }))).toEqual([
      404,
      'registry.type-not-found',
    ]);
  });

  it('should take a type whose firmware runs less', async () => {
    const {
      builtIn: _,
      revision: __,
      ...wasm
    } = await call('deviceTypeGet', {
      params: { ...params, deviceType: 'wasm' },
    });
    const { FULLY_CONNECTED: ___, ...ops } = wasm.ops;
    await call('deviceTypeCreate', { params, body: { ...wasm, name: 'without-dense', ops } });
    const { items } = await call('deviceTypeList', { params });
    expect(items.find(({ name }) => name === 'without-dense')?.ops).toEqual(ops);
  });

  async function tokenHash(name: string): Promise<Buffer> {
    const rows = await server.running.services.database.query<{ hash: Buffer }>(
      `select hash from device_credential c join device d on d.id = c.device_id
       where name = $1 and (expires_at is null or expires_at > now())`,
      [name],
    );
    return rows[0]!.hash;
  }
});

describe('models, builds and releases', () => {
  const version = { ...params, model: 'vibration', version: '1.1.0' };
  const build = { ...version, deviceType: 'wasm' };
  const importModel = async (file: string, query: Record<string, string> = {}, model = 'vibration') =>
    call('modelImport', {
      params: { ...params, model },
      query: { fileName: file, ...query },
      body: new Uint8Array(await readFile(join(models, file))),
    });
  const labels = 'normal,imbalance,bearing,looseness';
  const finished = async (at = build) =>
    eventually(
      async () => {
        const now = await call('buildGet', { params: at });
        expect(['succeeded', 'failed', 'cancelled']).toContain(now.state);
        return now;
      },
      { timeoutMs: 60_000 },
    );

  it('should import a first version as 1.1.0, a next one as 1.2.0, and the same again harmlessly', async () => {
    const first = await importModel('vibration-v1.tflite', { labels });
    expect(first).toMatchObject({ version: '1.1.0', labels: labels.split(','), format: 'tflite' });
    expect(await importModel('vibration-v1.tflite', { labels, version: '1.1.0' })).toEqual(first);
    expect(await problem(importModel('vibration-v2.tflite', { version: '1.1.0' }))).toEqual([
      409,
      'models.version-exists',
    ]);
    expect(await importModel('vibration-v2.tflite', { labels })).toMatchObject({ version: '1.2.0' });
    expect((await call('modelList', { params })).items).toMatchObject([
      { name: 'vibration', latestVersion: '1.2.0', versionCount: 2 },
    ]);
  });

  it('should take labels that fit the output and validation data that fits the input', async () => {
    expect(await problem(importModel('vibration-v3.tflite', { labels: 'a,b' }))).toEqual([
      422,
      'models.labels-mismatch',
    ]);
    const put = async (part: 'inputs' | 'labels', file: string) =>
      call('modelValidation', {
        params: { ...version, part },
        body: new Uint8Array(await readFile(join(models, file))),
      });
    expect(await problem(put('inputs', 'validation-y.npy'))).toEqual([422, 'models.validation-invalid']);
    expect(await problem(put('labels', 'labels.txt'))).toEqual([422, 'models.validation-invalid']);
    await put('inputs', 'validation-x.npy');
    expect(await put('labels', 'validation-y.npy')).toMatchObject({ hasValidationData: true });
  });

  it('should build as a job, tell about it, and give bundle and report', async () => {
    const stream = await raw('/api/v1/projects/p/events?names=build.changed', {
      headers: { 'last-event-id': '0' },
    });
    const events = readEvents(stream, ({ data }) => data['state'] === 'succeeded');
    const body = { model: 'vibration', version: '1.1.0', deviceTypes: ['wasm'] };
    const started = await call('buildStart', { params, body });
    expect(started.items).toMatchObject([{ deviceType: 'wasm', version: '1.1.0' }]);
    const states = (await events).map(({ data }) => data['state']);
    expect([states[0], states.at(-1)]).toEqual(['queued', 'succeeded']);
    expect(states).toContain('running');
    const done = await finished();
    const bundle = await call('buildBundle', { params: build });
    expect(bundle).toHaveLength(done.bundleBytes ?? -1);
    expect(createHash('sha256').update(bundle).digest('hex')).toBe(done.bundleDigest);
    const report = await call('buildReport', { params: build });
    expect(report.validation?.accuracy).toBeGreaterThan(0.8);
    expect(report.bundleBytes).toBe(bundle.length);
  });

  it('should not build the same twice', async () => {
    const before = await call('buildGet', { params: build });
    const body = { model: 'vibration', version: '1.1.0', deviceTypes: ['wasm'] };
    const again = await call('buildStart', { params, body });
    expect(again.items).toEqual([before]);
    expect((await call('buildList', { params })).items).toHaveLength(1);
  });

  it('should refuse what the firmware of the type does not run, by the names of its ops', async () => {
    await call('buildStart', {
      params,
      body: { model: 'vibration', version: '1.1.0', deviceTypes: ['without-dense'] },
    });
    const failed = await finished({ ...version, deviceType: 'without-dense' });
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'builds.ops-missing' } });
    expect(failed.error?.detail).toContain('FULLY_CONNECTED');
  });

  it('should say what does not fit, and keep the failure with its hint', async () => {
    const body = { model: 'vibration', version: '1.1.0', deviceTypes: ['own-board'] };
    await call('buildStart', { params, body });
    const failed = await finished({ ...version, deviceType: 'own-board' });
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'compiler.slot-too-small' } });
    expect(failed.error?.hint).toBeTruthy();
    await call('buildRetry', { params: { ...version, deviceType: 'own-board' } });
    expect(await finished({ ...version, deviceType: 'own-board' })).toMatchObject({ state: 'failed' });
  });

  it('should cancel a queued or running build, and run it again when asked', async () => {
    const types = ['qemu-m3', 'qemu-m4', 'qemu-m7', 'posix'];
    const body = { model: 'vibration', version: '1.2.0', deviceTypes: types };
    await call('buildStart', { params, body });
    const last = { ...version, version: '1.2.0', deviceType: 'qemu-m7' };
    expect(await call('buildCancel', { params: last })).toMatchObject({ state: 'cancelled' });
    expect(await problem(call('buildCancel', { params: last }))).toEqual([409, 'builds.not-cancellable']);
    for (const deviceType of types.filter((type) => type !== 'qemu-m7'))
      await finished({ ...last, deviceType });
    expect(await finished(last)).toMatchObject({ state: 'cancelled', bundleDigest: null });
    expect(await problem(call('buildBundle', { params: last }))).toEqual([409, 'builds.not-finished']);
    await call('buildRetry', { params: last });
    expect(await finished(last)).toMatchObject({ state: 'succeeded' });
  });

  it('should sign a release whose manifests devices of the project verify, and a fallback behind the next one', async () => {
    const first = await call('releaseCreate', {
      params,
      body: { model: 'vibration', version: '1.1.0', notes: 'first' },
    });
    expect(first).toMatchObject({
      state: 'draft',
      sequence: 2,
      builds: [{ deviceType: 'wasm', manifestBytes: null }],
    });
    const release = { ...params, release: 'vibration@1.1.0' };
    const signed = await call('releaseSign', { params: release });
    expect(signed).toMatchObject({ state: 'approved', signedBy: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(await call('releaseSign', { params: release })).toEqual(signed);
    const next = { model: 'vibration', version: '1.2.0', sign: true };
    await call('buildStart', { params, body: { ...next, deviceTypes: ['wasm'] } });
    await finished({ ...build, version: '1.2.0' });
    expect((await call('releaseCreate', { params, body: next })).sequence).toBe(4);
    expect(await problem(call('releaseCreate', { params, body: next }))).toEqual([409, 'releases.exists']);

    const [key] = (await call('signingKeyList', { params })).items;
    const publicKey = Buffer.from(key!.publicKeyHex, 'hex');
    const rows = await server.running.services.database.query<{
      manifest: Buffer;
      fallback_manifest: Buffer | null;
    }>(
      `select a.manifest, a.fallback_manifest from release_artifact a join device_type t on t.id = a.type_id
       join release r on r.id = a.release_id where t.name = 'wasm' order by r.sequence`,
    );
    expect(rows.map(({ fallback_manifest: fallback }) => fallback !== null)).toEqual([false, true]);
    const trust = { keys: [publicKey], project: 'p', deviceType: 'wasm' };
    const manifests = rows.map(({ manifest }) => verifyManifest(manifest, trust));
    const fallback = verifyManifest(rows[1]!.fallback_manifest!, trust);
    expect(manifests.map(({ sequence }) => sequence)).toEqual([2, 4]);
    expect(fallback.sequence).toBe(5);
    expect(Buffer.from(fallback.digest)).toEqual(Buffer.from(manifests[0]!.digest));
    expect(() => verifyManifest(rows[0]!.manifest, { ...trust, project: 'other' })).toThrow();
  });

  it('should make payloads of a signed release in a worker thread, for what devices hold', async () => {
    const { database } = server.running.services;
    const hello = { methods: ['full', 'compressed', 'delta'], sectorBytes: 4_096, capabilities: 0 };
    await call('deviceRegister', { params, body: { name: 'holder', type: 'wasm' } });
    await database.query(
      `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots,
         fetch_slot, active_digest, hello, name)
       select d.project_id, d.id, 1, now(), '1.0.0', 65536, 1, '[]', 1, a.bundle_digest, $1, d.name
       from device d join release_artifact a on a.project_id = d.project_id and a.type_id = d.type_id
       join release r on r.id = a.release_id and r.sequence = 2 where d.name = 'holder'`,
      [JSON.stringify(hello)],
    );
    await importModel('vibration-v3.tflite', { version: '1.3.0', labels });
    const third = { model: 'vibration', version: '1.3.0', sign: true };
    await call('buildStart', { params, body: { ...third, deviceTypes: ['wasm', 'nucleo-l4r5zi'] } });
    for (const deviceType of ['wasm', 'nucleo-l4r5zi'])
      await finished({ ...build, deviceType, version: '1.3.0' });
    const notAfter = new Date(Date.now() + 3_600_000).toISOString();
    const past = { ...third, notAfter: '2020-01-01T00:00:00Z' };
    expect(await problem(call('releaseCreate', { params, body: past }))).toEqual([
      422,
      'releases.not-after-past',
    ]);
    const released = await call('releaseCreate', { params, body: { ...third, notAfter } });
    expect(released.notAfter).toBe(notAfter);
    await eventually(
      async () => {
        const rows = await database.query<{ method: string; state: string; bytes: string; kind: string }>(
          `select tp.method, tp.state, tp.bytes, b.kind from transfer_payload tp
           left join blob b on b.project_id = tp.project_id and b.digest = tp.payload_digest order by tp.method`,
        );
        expect(rows).toMatchObject([
          { method: 'compressed', state: 'ready', kind: 'transfer' },
          { method: 'delta', state: 'ready', kind: 'transfer' },
        ]);
        expect(Number(rows[1]!.bytes)).toBeLessThan(
          released.builds.find(({ deviceType }) => deviceType === 'wasm')!.bundleBytes * 0.95,
        );
      },
      { timeoutMs: 30_000 },
    );
    const shown = await call('releaseGet', { params: { ...params, release: 'vibration@1.3.0' } });
    expect(shown.builds.find(({ deviceType }) => deviceType === 'wasm')!.transfers).toMatchObject([
      { method: 'compressed', base: null, baseDigest: null, state: 'ready', sectorBytes: 4_096 },
      { method: 'delta', base: 'vibration@1.1.0', state: 'ready' },
    ]);
    await call('deviceDelete', { params: { ...params, device: 'holder' } });
  });

  it('should bound the latency of the self-test where it can be estimated, four times above', async () => {
    const at = { ...params, model: 'vibration', version: '1.3.0', deviceType: 'nucleo-l4r5zi' };
    const [report, { items: types }] = [
      await call('buildReport', { params: at }),
      await call('deviceTypeList', { params }),
    ];
    const type = types.find(({ name }) => name === at.deviceType)!;
    const { milliseconds, timeError } = estimate(report.ops, type)!;
    const rows = await server.running.services.database.query<{ type: string; manifest: Buffer }>(
      `select t.name as type, a.manifest from release_artifact a
       join device_type t on t.project_id = a.project_id and t.id = a.type_id
       join release r on r.project_id = a.project_id and r.id = a.release_id where r.sequence = 6 order by t.name`,
    );
    const [key] = (await call('signingKeyList', { params })).items;
    const keys = [Buffer.from(key!.publicKeyHex, 'hex')];
    const bounds = rows.map(({ type: deviceType, manifest }) => {
      return verifyManifest(manifest, { keys, project: 'p', deviceType }).conditions.latencyUs;
    });
    const longest = 4 * 1_000 * milliseconds * (1 + timeError);
    expect(bounds).toEqual([Math.max(1_000, Math.ceil(longest)), undefined]);
  });

  it('should say what a release is made of, in the very bytes that its provenance names', async () => {
    const release = { ...params, release: 'vibration@1.3.0' };
    const bom = await call('releaseComponents', { params: release });
    const { builds } = await call('releaseGet', { params: release });
    expect(bom).toMatchObject({
      ...{ bomFormat: 'CycloneDX', specVersion: '1.6' },
      metadata: { component: { type: 'machine-learning-model', name: 'vibration', version: '1.3.0' } },
      components: expect.arrayContaining(
        builds.map(({ bundleDigest: content }) =>
          expect.objectContaining({ type: 'file', hashes: [{ alg: 'SHA-256', content }] }),
        ),
      ),
    });
    const { payload } = await call('releaseProvenance', { params: release });
    const sha256 = createHash('sha256').update(JSON.stringify(bom)).digest('hex');
    expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({
      predicate: { runDetails: { byproducts: [{ name: 'sbom.cdx.json', digest: { sha256 } }] } },
    });
  });

  it('should tell who can take a release, cannot and is not known', async () => {
    const release = { ...params, release: 'vibration@1.3.0' };
    for (const [name, type] of [
      ['check-1', 'wasm'],
      ['check-2', 'b-u585i-iot02a'],
    ])
      await call('deviceRegister', { params, body: { name: name!, type: type! } });
    expect(
      await call('releaseCompatibility', { params: release, query: { filter: 'name = "check-*"' } }),
    ).toMatchObject({
      ...{ devices: 2, can: 0, unknown: 1, warnings: [] },
      cannot: [
        { reason: 'the release has no build for type b-u585i-iot02a', devices: 1, sample: ['check-2'] },
      ],
      doubts: [{ devices: 1, sample: ['check-1'] }],
    });
    const asked = (query: object) => problem(call('releaseCompatibility', { params: release, query }));
    expect(await asked({ device: 'nobody' })).toEqual([404, 'registry.device-not-found']);
    expect(await asked({ group: 'nobodies' })).toEqual([404, 'registry.group-not-found']);
    expect(await asked({ group: 'a', device: 'b' })).toEqual([400, 'server.invalid-request']);
    for (const device of ['check-1', 'check-2'])
      await call('deviceDelete', { params: { ...params, device } });
  });

  it('should rotate the signing key, and sign the releases there are again when it is activated', async () => {
    const [first] = (await call('signingKeyList', { params })).items;
    expect(first).toMatchObject({ state: 'active', sequence: 1, devices: { current: 0, next: 0 } });
    const next = await call('signingKeyRotate', { params, body: {} });
    expect(next).toMatchObject({ state: 'next', sequence: 2 });
    expect(await problem(call('signingKeyRotate', { params, body: {} }))).toEqual([
      409,
      'releases.rotation-open',
    ]);
    const activate = (keyId: string) =>
      call('signingKeyActivate', { params: { ...params, keyId }, body: {} });
    expect(await problem(activate(first!.keyId))).toEqual([409, 'releases.key-not-next']);
    expect(await activate(next.keyId)).toMatchObject({ state: 'active' });
    expect((await call('signingKeyList', { params })).items.map(({ state }) => state)).toEqual([
      'active',
      'retired',
    ]);
    const rows = await server.running.services.database.query<{ manifest: Buffer }>(
      `select rm.manifest from release_manifest rm join device_type t on t.id = rm.type_id where t.name = 'wasm'`,
    );
    expect(rows.length).toBe(3);
    const keys = [Buffer.from(next.publicKeyHex, 'hex')];
    for (const { manifest } of rows) verifyManifest(manifest, { keys, project: 'p', deviceType: 'wasm' });
  });

  it('should take signatures of a key that never comes here, each verified, and activate it when all are there', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const publicKeyHex = Buffer.from(rawPublicKey(publicKey)).toString('hex');
    const { keyId, held } = await call('signingKeyRotate', { params, body: { publicKeyHex } });
    expect(held).toBe(false);
    const activate = (force = false) =>
      call('signingKeyActivate', { params: { ...params, keyId }, body: { force } });
    expect(await problem(activate())).toEqual([409, 'releases.releases-unsigned']);
    const { items } = await call('releaseList', { params });
    for (const { ref, state } of items) {
      const release = { ...params, release: ref };
      const request = await call('releaseSigningRequest', { params: release, query: { keyId } });
      const body = signRequest(request, privateKey);
      const send = (changes: object) =>
        call('releaseSignatures', { params: release, body: { ...body, ...changes } });
      const [first] = body.manifests;
      const wrong = { ...first!, signatureHex: '0'.repeat(128) };
      expect(await problem(send({ manifests: [wrong, ...body.manifests.slice(1)] }))).toEqual([
        422,
        'releases.signature-invalid',
      ]);
      expect(await problem(send({ provenance: '0'.repeat(128) }))).toEqual([
        422,
        'releases.signature-invalid',
      ]);
      expect(await problem(send({ manifests: [{ ...first!, deviceType: 'other' }] }))).toEqual([
        422,
        'releases.signatures-missing',
      ]);
      expect((await send({})).state).toBe(state);
    }
    expect(await activate()).toMatchObject({ state: 'active', held: false });
    // It hands over where it is: no device has said yet that it has this key.
    const more = { ...params, keyId: (await call('signingKeyRotate', { params, body: {} })).keyId };
    expect((await call('keyHandoverList', { params: more })).items).toEqual([]);
    await call('signingKeyWithdraw', { params: more, body: {} });
    const envelope = await call('releaseProvenance', { params: { ...params, release: items[0]!.ref } });
    const payload = Buffer.from(envelope.payload, 'base64');
    const head = Buffer.from(
      `DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${payload.length} `,
    );
    // By every key that has signed the release, so that who holds an older one can verify it still.
    expect(envelope.signatures).toHaveLength(3);
    const { sig } = envelope.signatures.find(({ keyid }) => keyid === keyId)!;
    expect(verify(null, Buffer.concat([head, payload]), publicKey, Buffer.from(sig, 'base64'))).toBe(true);
    expect(JSON.parse(payload.toString())).toMatchObject({
      subject: items[0]!.builds.map(({ bundleDigest }) => ({ digest: { sha256: bundleDigest } })),
    });
  });

  it('should close keys that are not needed, and only those', async () => {
    const { items } = await call('signingKeyList', { params });
    const close = (route: 'signingKeyWithdraw' | 'signingKeyRevoke', state: string) =>
      call(route, {
        params: { ...params, keyId: items.find((one) => one.state === state)!.keyId },
        body: {},
      });
    expect(await problem(close('signingKeyRevoke', 'active'))).toEqual([409, 'releases.key-not-closable']);
    expect(await problem(close('signingKeyWithdraw', 'retired'))).toEqual([409, 'releases.key-not-closable']);
    expect(await close('signingKeyRevoke', 'retired')).toMatchObject({ state: 'revoked' });
  });

  it('should deprecate with a warning only, and revoke for good, with a floor above it', async () => {
    const release = { ...params, release: 'vibration@1.1.0' };
    expect((await call('releaseDeprecate', { params: release, body: {} })).state).toBe('deprecated');
    expect((await call('releaseApprove', { params: release, body: {} })).state).toBe('approved');
    const reason = 'hears nothing';
    expect(await call('releaseRevoke', { params: release, body: { reason } })).toMatchObject({
      state: 'revoked',
      stateChange: { reason },
    });
    expect(await problem(call('releaseApprove', { params: release, body: {} }))).toEqual([
      409,
      'releases.wrong-state',
    ]);
    const rollout = { release: 'vibration@1.1.0', filter: 'type = "wasm"' };
    expect(await problem(call('rolloutCreate', { params, body: rollout }))).toEqual([
      409,
      'releases.revoked',
    ]);
    expect(await problem(call('releaseSigningRequest', { params: release }))).toEqual([
      409,
      'releases.revoked',
    ]);
    const request = await call('releaseSigningRequest', {
      params: { ...params, release: 'vibration@1.2.0' },
    });
    const floors = request.manifests.map(({ deviceType, content }) => [
      deviceType,
      (content['conditions'] as { floor: number }).floor,
    ]);
    // Its fallback leads to the revoked one and is gone.
    expect(request.manifests.map(({ kind }) => kind)).not.toContain('fallback');
    expect(floors).toContainEqual(['wasm', 3]);
  });

  it('should refuse a release of nothing', async () => {
    await importModel('vibration-v3.tflite', { version: '3.0.0' });
    const body = { model: 'vibration', version: '3.0.0' };
    expect(await problem(call('releaseCreate', { params, body }))).toEqual([409, 'releases.no-builds']);
    const none = { model: 'vibration', version: '9.0.0' };
    expect(await problem(call('releaseCreate', { params, body: none }))).toEqual([
      404,
      'models.version-not-found',
    ]);
  });
});

describe('float models', () => {
  const version = { ...params, model: 'gain', version: '1.1.0' };
  const build = { ...version, deviceType: 'wasm' };

  /** Two values in, their doubles out. */
  const file = (): Uint8Array => {
    const b = new GraphBuilder('gain');
    const x = b.input('x', [1, 2], null);
    const filter = b.constant('w', [2, 2], Float32Array.of(2, 0, 0, 2));
    return writeTflite(b.build([b.fullyConnected({ input: x, filter }, { name: 'doubled' })]));
  };
  const npy = (shape: readonly number[], values: Float32Array): Uint8Array => {
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
    const header = `${text.padEnd(117)}\n`;
    const head = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}`, 'latin1');
    return Buffer.concat([head, Buffer.from(values.buffer)]);
  };

  it('should be built with scales of the samples that were given', async () => {
    await call('modelImport', {
      params: { ...params, model: 'gain' },
      query: { fileName: 'gain.tflite' },
      body: file(),
    });
    const put = (samples: Uint8Array) =>
      call('modelValidation', { params: { ...version, part: 'calibration' }, body: samples });
    expect(await problem(put(npy([2, 3], new Float32Array(6))))).toEqual([422, 'models.validation-invalid']);
    expect(await put(npy([2, 2], Float32Array.of(-3, 0, 5, 1)))).toMatchObject({
      hasCalibrationData: true,
      hasValidationData: false,
      inputs: [{ dtype: 'float32', scale: null }],
    });
    await call('buildStart', { params, body: { model: 'gain', deviceTypes: ['wasm'] } });
    await eventually(
      async () => expect((await call('buildGet', { params: build })).state).toBe('succeeded'),
      { timeoutMs: 60_000 },
    );
    const report = await call('buildReport', { params: build });
    expect(report.quantization).toMatchObject({ source: 'calibration', samples: 2, range: null });
    expect(report.quantization?.outputs[0]?.maxError).toBeLessThan(0.1);
  });

  it('should be built for a stated range of inputs when there are no samples', async () => {
    await call('modelImport', {
      params: { ...params, model: 'gain-of-range' },
      query: { fileName: 'gain.tflite' },
      body: file(),
    });
    const body = { model: 'gain-of-range', deviceTypes: ['wasm'], options: { inputRange: [0, 255] } };
    await call('buildStart', { params, body });
    const at = { ...build, model: 'gain-of-range' };
    await eventually(async () => expect((await call('buildGet', { params: at })).state).toBe('succeeded'), {
      timeoutMs: 60_000,
    });
    const report = await call('buildReport', { params: at });
    expect(report.quantization).toMatchObject({ source: 'range', range: [0, 255] });
    expect(report.diagnostics.map(({ code }) => code)).toContain('compiler.calibration-missing');
  });
});

describe('events', () => {
  it('should resume after the number that a client saw last, without a gap', async () => {
    const first = await readEvents(
      await raw('/api/v1/projects/p/events', { headers: { 'last-event-id': '0' } }),
      ({ id }) => id === 5,
    );
    expect(first.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    const resumed = await raw('/api/v1/projects/p/events', { headers: { 'last-event-id': '3' } });
    expect((await readEvents(resumed, () => true)).map(({ id }) => id)).toEqual([4]);
  });

  it('should begin with what happens next when nothing was seen', async () => {
    const stream = await raw('/api/v1/projects/p/events');
    const next = readEvents(stream, () => true);
    await call('deviceRegister', { params, body: { name: 'late', type: 'wasm' } });
    expect((await next)[0]).toMatchObject({ name: 'device.registered', data: { device: 'late' } });
  });
});

describe('bad input', () => {
  const request = async (init: RequestInit & { path?: string; headers?: Record<string, string> }) => {
    const response = await raw(init.path ?? '/api/v1/projects', { method: 'POST', ...init });
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    const { code } = (await response.json()) as { code: string };
    return [response.status, code];
  };
  const json = { 'content-type': 'application/json' };
  const octets = { 'content-type': 'application/octet-stream' };
  const upload = '/api/v1/projects/p/models/bad/versions?fileName=x.tflite';

  it.each<[string, Parameters<typeof request>[0], [number, string]]>([
    ['broken JSON', { headers: json, body: '{"name":' }, [400, 'server.invalid-request']],
    ['an empty body', { headers: json }, [400, 'server.invalid-request']],
    ['a wrong name', { headers: json, body: '{"name":"../etc"}' }, [400, 'server.invalid-request']],
    ['an array', { headers: json, body: '[]' }, [400, 'server.invalid-request']],
    [
      'a form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' },
      [415, 'server.unsupported-media'],
    ],
    [
      'a JSON body above the limit',
      { headers: json, body: JSON.stringify({ name: 'x'.repeat(3_000_000) }) },
      [413, 'server.body-too-large'],
    ],
    [
      'a poisoned prototype',
      { headers: json, body: '{"__proto__":{"x":1},"name":"a"}' },
      [400, 'server.invalid-request'],
    ],
    ['JSON for a file', { path: upload, headers: json, body: '{}' }, [415, 'server.unsupported-media']],
    ['an empty file', { path: upload, headers: octets, body: '' }, [422, 'compiler.not-a-model']],
    ['text for a model', { path: upload, headers: octets, body: 'hello' }, [422, 'compiler.not-a-model']],
    ['an unknown address', { path: '/api/v1/nothing', headers: json, body: '{}' }, [404, 'server.not-found']],
    [
      'the cursor of another list',
      { method: 'GET', path: '/api/v1/projects/p/audit?cursor=WyJ4Il0' },
      [400, 'registry.cursor-invalid'],
    ],
    [
      'the cursor of another list of numbers',
      { method: 'GET', path: '/api/v1/projects/p/rollouts?cursor=WyJ4Il0' },
      [400, 'registry.cursor-invalid'],
    ],
    [
      'a wrong cursor',
      { method: 'GET', path: '/api/v1/projects/p/devices?cursor=zzz' },
      [400, 'registry.cursor-invalid'],
    ],
    [
      'a limit too high',
      { method: 'GET', path: '/api/v1/projects/p/devices?limit=501' },
      [400, 'server.invalid-request'],
    ],
    [
      'a broken filter',
      { method: 'GET', path: '/api/v1/projects/p/devices?filter=tag' },
      [400, 'registry.filter-invalid'],
    ],
    [
      'a NUL in a filter',
      { method: 'GET', path: '/api/v1/projects/p/devices?filter=name%3D%22%00%22' },
      [400, 'server.invalid-request'],
    ],
    [
      'a hostile version',
      { method: 'GET', path: `/api/v1/projects/p/models/m/versions/1.0.0';--` },
      [400, 'server.invalid-request'],
    ],
  ])('should answer %s with a registered error', async (_name, init, expected) => {
    expect(await request(init)).toEqual(expected);
  });

  it('should take a file of the largest size and refuse one byte more', async () => {
    const small = await startTestServer({ TINYFLEET_MAX_UPLOAD_BYTES: '1000' });
    try {
      await small.client.call('projectCreate', { body: { name: 'p' } });
      const put = async (bytes: number) =>
        problem(
          small.client.call('modelImport', {
            params: { ...params, model: 'm' },
            query: { fileName: 'm.tflite' },
            body: new Uint8Array(bytes),
          }),
        );
      expect(await put(1_000)).toEqual([422, 'compiler.not-a-model']);
      expect(await put(1_001)).toEqual([413, 'storage.blob-too-large']);
    } finally {
      await small.stop();
    }
  });
});

describe('projects', () => {
  it('should remove a project with its blobs and leave others alone', async () => {
    await call('projectCreate', { body: { name: 'gone', simulated: true } });
    expect(await problem(call('projectCreate', { body: { name: 'gone' } }))).toEqual([
      409,
      'registry.project-exists',
    ]);
    const [build] = (await call('buildList', { params, query: { limit: 1 } })).items;
    await call('projectDelete', { params: { project: 'gone' } });
    expect(await problem(call('projectGet', { params: { project: 'gone' } }))).toEqual([
      404,
      'registry.project-not-found',
    ]);
    expect(build).toBeDefined();
    const before = await call('buildList', { params });
    const digest = before.items.find(({ bundleDigest }) => bundleDigest !== null)?.bundleDigest ?? '';
    expect(await server.running.services.blobs.has(digest)).toBe(true);
    await call('projectDelete', { params });
    expect(await server.running.services.blobs.has(digest)).toBe(false);
  });
});

interface StreamedEvent {
  id: number;
  name: string;
  data: Record<string, unknown>;
}
/** Reads server-sent events until one is the last wanted, then closes. */
async function readEvents(
  response: Response,
  isLast: (event: StreamedEvent) => boolean,
): Promise<StreamedEvent[]> {
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const events: StreamedEvent[] = [];
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error('the stream ended');
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const event = JSON.parse(data) as { number: number; name: string; data: Record<string, unknown> };
      events.push({ id: event.number, name: event.name, data: event.data });
      if (isLast(events.at(-1)!)) {
        await reader.cancel();
        return events;
      }
    }
  }
}
