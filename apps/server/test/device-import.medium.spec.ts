/**
 * Imports of devices over a real port: all or none, every wrong row named, tokens once, exports that come back in. And a change
 * of so many devices that a job of the queue makes it.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiError } from '@tinyfleet/contracts';
import { type CallInput } from '@tinyfleet/contracts';
import { eventually } from '@tinyfleet/testing';
import mqtt from 'mqtt';
import { startTestServer, type TestServer } from './test-server.js';

let server: TestServer;
const params = { project: 'p' };

beforeAll(async () => {
  server = await startTestServer({
    TINYFLEET_IMPORT_ERRORS: '5',
    TINYFLEET_IMPORTS: '1',
    TINYFLEET_HTTP_PATIENCE_S: '2',
    TINYFLEET_LIMIT_BULK_DEVICES: '100',
  });
  await server.client.call('projectCreate', { body: { name: 'p' } });
});
afterAll(async () => {
  await server.stop();
});

type Query = NonNullable<CallInput<'deviceImport'>['query']>;
const load = async (file: string | ReadableStream<Uint8Array>, query: Query = {}) =>
  await server.client.call('deviceImport', {
    params,
    query,
    body: typeof file === 'string' ? new TextEncoder().encode(file) : file,
  });
const refused = async (work: Promise<unknown>) => {
  const error = (await work.catch((e: unknown) => e)) as ApiError;
  const errors = (error.data?.['errors'] ?? []) as {
    line: number;
    column: string;
    code: string;
    message: string;
  }[];
  return { status: error.status, code: error.code, data: error.data, errors };
};
const names = async (filter: string) =>
  (await server.client.call('deviceList', { params, query: { filter, limit: 500 } })).items.map(
    ({ name }) => name,
  );
const text = async (stream: ReadableStream<Uint8Array>) => await new Response(stream).text();
const file = (prefix: string, count: number) =>
  `name,type,tags,attr.n\n${Array.from({ length: count }, (_, i) => `${prefix}-${i},wasm,pilot eu,${i}\n`).join('')}`;

describe('device import', () => {
  it('should make every device of the file, with one event and one line in the audit log', async () => {
    const done = await load(file('a', 3_000));
    expect(done).toMatchObject({
      state: 'applied',
      rows: 3_000,
      added: 3_000,
      errorCount: 0,
      tokensUntil: null,
    });
    const device = await server.client.call('deviceGet', { params: { ...params, device: 'a-2999' } });
    expect(device).toMatchObject({ type: 'wasm', tags: ['eu', 'pilot'], state: 'registered' });
    expect(device.attributes.desired).toEqual({ version: 1, values: { n: 2_999 } });
    const { items } = await server.client.call('auditList', { params });
    expect(items.filter(({ action }) => action === 'device.imported')).toHaveLength(1);
  });

  it('should import nothing when a row is wrong, and name the first ones by line and all by number', async () => {
    await load('name,type\nb-known,wasm\n');
    const found = await refused(
      load(
        'name,type\nb-1,wasm\nB-2,wasm\nb-3,toaster\nb-1,wasm\nb-known,wasm\nb-4\nb-5,wasm\nb-6,toaster\n',
      ),
    );
    expect([found.status, found.code, found.data?.['count'], found.data?.['rows']]).toEqual([
      422,
      'registry.import-refused',
      6,
      8,
    ]);
    expect(found.errors.map(({ line, column, code }) => `${line} ${column} ${code}`)).toEqual([
      '3 name registry.import-value',
      '4 type registry.type-not-found',
      '5 name registry.import-duplicate',
      '6 name registry.device-exists',
      '7 null registry.import-fields',
    ]);
    expect(found.errors[2]?.message).toContain('line 2');
    expect(await names('name = "b-*"')).toEqual(['b-known']);
    // What only the database can find, in a file whose rows are right by themselves.
    const later = await refused(load('name,type\nb-7,wasm\nb-7,wasm\n'));
    expect(later.errors.map(({ line, code }) => [line, code])).toEqual([[3, 'registry.import-duplicate']]);
    expect(await names('name = "b-7"')).toEqual([]);
  });

  it('should check alone, with the same errors and the numbers of what it would do', async () => {
    const wrong = await load('name,type\nc-1,wasm\nc-1,wasm\nC,wasm\n', { dryRun: 'true' });
    expect(wrong).toMatchObject({ state: 'checked', added: 0, errorCount: 2 });
    const right = await load('name,type\nb-known,wasm\nc-1,wasm\n', { dryRun: 'true', onConflict: 'skip' });
    expect(right).toMatchObject({ state: 'checked', added: 1, skipped: 1, updated: 0, errorCount: 0 });
    expect(await names('name = "c-*"')).toEqual([]);
  });

  it('should skip or update devices that are there, when it is told to', async () => {
    await load('name,type,site,notes,attr.x,attr.y\nd-1,wasm,hall,keep,1,1\n');
    const skipped = await load('name,type,site\nd-1,wasm,other\nd-2,wasm,other\n', { onConflict: 'skip' });
    expect(skipped).toMatchObject({ added: 1, updated: 0, skipped: 1 });
    const updated = await load('name,type,site,attr.y\nd-1,wasm,yard,2\nd-3,wasm,yard,3\n', {
      onConflict: 'update',
    });
    expect(updated).toMatchObject({ added: 1, updated: 1, skipped: 0 });
    const device = await server.client.call('deviceGet', { params: { ...params, device: 'd-1' } });
    expect(device).toMatchObject({ site: 'yard', notes: 'keep', revision: 2 });
    expect(device.attributes.desired).toEqual({ version: 2, values: { x: 1, y: 2 } });
    for (const onConflict of ['skip', 'update'] as const) {
      const twice = await refused(load('name,type\nd-9,wasm\nd-9,wasm\n', { onConflict }));
      expect(twice.errors.map(({ code }) => code)).toEqual(['registry.import-duplicate']);
    }
    const type = await refused(load('name,type\nd-1,posix\n', { onConflict: 'update' }));
    expect(type.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [2, 'type', 'registry.import-type-differs'],
    ]);
  });

  it('should give the tokens of new devices once, to who imported them, and devices connect with them', async () => {
    const done = await load(file('e', 10), { tokens: 'true' });
    expect(done.tokensUntil).not.toBeNull();
    const which = { ...params, import: done.id };
    const other = await server.client.call('tokenCreate', { body: { name: 'other' } });
    const stranger = await server.fetch(`/api/v1/projects/p/device-imports/${done.id}/tokens`, {
      headers: { authorization: `Bearer ${other.token}` },
    });
    expect(stranger.status).toBe(410);
    const lines = (await text(await server.client.call('deviceImportTokens', { params: which })))
      .trim()
      .split('\r\n');
    expect(lines[0]).toBe('name,token');
    expect(lines).toHaveLength(11);
    const [device = '', token = ''] = lines[3]?.split(',') ?? [];
    const client = await mqtt.connectAsync(server.running.mqttUrl ?? '', {
      clientId: `p/${device}`,
      username: `p/${device}`,
      password: token,
      reconnectPeriod: 0,
    });
    await client.endAsync();
    const again = await refused(server.client.call('deviceImportTokens', { params: which }));
    expect([again.status, again.code]).toEqual([410, 'registry.import-tokens-gone']);
    const [row] = await server.running.services.database.query<{ sealed_secret: Buffer | null }>(
      'select sealed_secret from device_import where id = $1',
      [done.id],
    );
    expect(row?.sealed_secret).toBeNull();
  });

  it('should show its progress under the id that the caller chose, and hold back a second one', async () => {
    const id = randomUUID();
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    async function* slow() {
      yield Buffer.from(file('f', 2_000));
      await held;
      yield Buffer.from('f-last,wasm,,\n');
    }
    const running = load(ReadableStream.from(slow()), { id });
    await eventually(async () => {
      const now = await server.client.call('deviceImportGet', { params: { ...params, import: id } });
      expect(now.state).toBe('reading');
      expect(now.rows).toBeGreaterThan(1_900);
    });
    expect((await refused(load(file('g', 1)))).code).toBe('registry.import-busy');
    go();
    expect(await running).toMatchObject({ id, state: 'applied', added: 2_001 });
    expect((await refused(load(file('g', 1), { id }))).code).toBe('registry.import-exists');
    const { items } = await server.client.call('deviceImportList', { params, query: { limit: 1 } });
    expect(items.map((one) => one.id)).toEqual([id]);
  });

  it('should give up a file that trickles in, and its place to the next one', async () => {
    const id = randomUUID();
    async function* trickle() {
      yield Buffer.from(file('t', 10));
      for (let n = 0; ; n++) {
        yield Buffer.from(`t-slow-${n},wasm,,\n`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    expect(await refused(load(ReadableStream.from(trickle()), { id }))).toMatchObject({
      status: 408,
      code: 'server.body-too-slow',
    });
    expect(await load(file('after', 3))).toMatchObject({ state: 'applied', added: 3 });
    expect(await names('name = "t-*"')).toEqual([]);
  });

  it('should import nothing of a file that ends with its connection', async () => {
    const id = randomUUID();
    const controller = new AbortController();
    async function* endless() {
      yield Buffer.from(file('h', 6_000));
      await new Promise(() => {});
    }
    const running = server.client.call('deviceImport', {
      params,
      query: { id },
      body: ReadableStream.from(endless()) as ReadableStream<Uint8Array>,
      signal: controller.signal,
    });
    running.catch(() => {});
    const which = { params: { ...params, import: id } };
    await eventually(async () => {
      expect((await server.client.call('deviceImportGet', which)).rows).toBeGreaterThan(5_000);
    });
    controller.abort();
    await eventually(async () => {
      expect(await server.client.call('deviceImportGet', which)).toMatchObject({
        state: 'failed',
        added: 0,
        problem: { code: 'registry.import-interrupted' },
      });
    });
    expect(await names('name = "h-*"')).toEqual([]);
    expect((await load(file('h', 1))).added).toBe(1);
  });

  it('should export what it imports', async () => {
    await load(
      'name,type,tags,site,hardwareRevision,notes,attr.n,attr.t\nz-1,wasm,b a,"s,1",B2,"x ""y""\nz",1,"""1"""\nz-2,posix,,,,\'=1+1,-7,@x\n',
    );
    const query = { filter: 'name = "z-*"' };
    const exported = await text(await server.client.call('deviceExport', { params, query }));
    expect(exported).toBe(
      'name,type,tags,site,hardwareRevision,notes,attr.n,attr.t\r\n' +
        'z-1,wasm,a b,"s,1",B2,"x ""y""\nz",1,"""1"""\r\nz-2,posix,,,,\'=1+1,-7,\'@x\r\n',
    );
    for (const device of ['z-1', 'z-2'])
      await server.client.call('deviceDelete', { params: { ...params, device } });
    await load(exported);
    expect(await text(await server.client.call('deviceExport', { params, query }))).toBe(exported);
    const many = await text(
      await server.client.call('deviceExport', { params, query: { filter: 'name = "a-*"' } }),
    );
    expect(many.trim().split('\r\n')).toHaveLength(3_001);
  });
});

describe('a bulk action on more devices than the limit', () => {
  it('should be made by a job of the queue, which tells how far it is', async () => {
    await load(file('many', 101));
    const change = { filter: 'name = "many-*"', change: { site: 'quay' } };
    const act = async (rest: { dryRun?: boolean; expect?: number }) =>
      await server.client.call('deviceBulkAction', { params, body: { ...change, ...rest } });
    expect(await act({ dryRun: true })).toMatchObject({ matched: 101, action: null });
    const { matched, action } = await act({ expect: 101 });
    expect(matched).toBe(101);
    const which = { ...params, action: action! };
    await eventually(async () => {
      expect(await server.client.call('bulkActionGet', { params: which })).toMatchObject({
        ...{ state: 'done', matched: 101, handled: 101, changed: 101, problem: null },
      });
    });
    expect(await names('site = quay')).toHaveLength(101);
    const late = server.client.call('bulkActionCancel', { params: which });
    await expect(late).rejects.toMatchObject({ code: 'registry.bulk-action-over', status: 409 });
    const { items } = await server.client.call('auditList', { params });
    expect(items.map((entry) => entry.action).slice(0, 2)).toEqual(['devices.updated', 'bulk-action.begun']);
  });
});
