/**
 * The live stream over real sockets: what is told and how often, a reader that stands still, resumption over a restart of the
 * server, and its end.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LiveFrame, ProjectScope } from '@tinyfleet/contracts';
import { eventually } from '@tinyfleet/testing';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import { LiveStreams } from '../src/http/event/live-streams.js';
import { OpenStreams } from '../src/http/event/open-streams.js';
import { startTestServer, type TestServer } from './test-server.js';

interface Frame {
  readonly id: string;
  readonly name: string;
  readonly at: number;
  readonly changes: readonly string[];
  readonly gone: readonly string[];
}

let directory: string;
let server: TestServer;
const start = async (): Promise<TestServer> =>
  await startTestServer({ TINYFLEET_DATA_DIR: join(directory, 'data') });

/** A client of the stream; it can stop reading. */
class Reader {
  readonly frames: Frame[] = [];
  isOver = false;
  private text = '';
  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.take(chunk));
    response.on('close', () => (this.isOver = true));
    response.on('error', () => {});
  }
  static async open(url: string, headers: Record<string, string>): Promise<Reader> {
    const request = get(url, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    return new Reader(response);
  }
  get changes(): string[] {
    return [...new Set(this.frames.flatMap(({ changes }) => changes))].sort();
  }
  async begun(): Promise<this> {
    await eventually(() => expect(this.frames.length).toBeGreaterThan(0));
    return this;
  }
  pause(): void {
    this.response.pause();
  }
  resume(): void {
    this.response.resume();
  }
  close(): void {
    this.response.destroy();
  }
  private take(chunk: string): void {
    this.text += chunk;
    const blocks = this.text.split('\n\n');
    this.text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, id, name, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (data === undefined) continue;
      const frame = JSON.parse(data) as z.infer<typeof LiveFrame>;
      this.frames.push({ id: id!, name: name!, at: performance.now(), ...frame });
    }
  }
}

const open = async (
  topics: string,
  { after, headers }: { after?: string; headers?: Record<string, string> } = {},
) =>
  await Reader.open(
    `${server.url}/api/v1/live?topics=${topics}${after === undefined ? '' : `&after=${after}`}`,
    { authorization: `Bearer ${server.token}`, ...headers },
  );
const scopeOf = async (name: string) => await server.running.services.projects.scopeOf(name);
const updated = async (project: string, devices: readonly string[]) =>
  await server.running.services.stores.events.emit(await scopeOf(project), 'devices.updated', {
    devices: [...devices],
  });
const names = (from: number, count: number) => Array.from({ length: count }, (_, n) => `d-${from + n}`);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tinyfleet-live-'));
  await chmod(directory, 0o755);
  server = await start();
  for (const name of ['p', 'q']) await server.client.call('projectCreate', { body: { name } });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('what is told', () => {
  it('should tell two readers of several projects only what each of them shows', async () => {
    const one = await (await open('p/fleet,p/devices/d-1,q/devices')).begun();
    const two = await (await open('p/devices/d-2')).begun();
    await updated('p', ['d-1', 'd-3']);
    await updated('q', ['d-2']);
    await eventually(() => expect(one.changes).toEqual(['p/devices/d-1', 'p/fleet', 'q/devices/d-2']));
    await server.client.call('deviceRegister', {
      params: { project: 'p' },
      body: { name: 'd-2', type: 'wasm' },
    });
    await eventually(() => expect(two.changes).toEqual(['p/devices']));
    one.close();
    two.close();
  });

  it('should gather what happens into at most 4 frames a second', async () => {
    const reader = await (await open('p/devices/d-1')).begun();
    const from = performance.now();
    while (performance.now() < from + 1_500) await updated('p', ['d-1']);
    const last = await server.running.services.stores.eventReader.lastNumber(await scopeOf('p'));
    await eventually(() => expect(reader.frames.at(-1)?.id).toBe(`p:${last}`));
    const told = reader.frames.slice(1);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(2 + (4 * (told.at(-1)!.at - from)) / 1_000);
    for (const { changes } of told) expect(changes).toEqual(['p/devices/d-1']);
    reader.close();
  });

  it('should refuse what is no topic, and more topics than the limit', async () => {
    const codeOf = async (topics: string) => {
      const headers = { authorization: `Bearer ${server.token}` };
      const answer = await server.fetch(`/api/v1/live?topics=${topics}`, { headers });
      return ((await answer.json()) as { code: string }).code;
    };
    for (const topics of ['', 'p', 'p/nothing', 'p/fleet/d-1', 'P/fleet', 'p/devices/d 1'])
      expect([topics, await codeOf(topics)]).toEqual([topics, 'server.invalid-request']);
    const many = (count: number) =>
      names(0, count)
        .map((name) => `p/devices/${name}`)
        .join(',');
    expect(await codeOf(many(201))).toBe('server.invalid-request');
    (await (await open(many(200))).begun()).close();
  });
});

describe('a reader that stands still', () => {
  /** Of 1,000 changes with the longest names. */
  const MAX_FRAME_BYTES = 80_000;

  it('should be told to read again, once more waits for it than the limit', async () => {
    const { stores, events: listener, log } = server.running.services;
    const streams = new OpenStreams(listener);
    const frameMs = 1;
    const services = { reader: stores.eventReader, listener, streams, log };
    const live = new LiveStreams(services, { maxChanges: 1_000, frameMs });
    const scopes: ProjectScope[] = [await scopeOf('p')];
    const request = { scopes, gone: [], topics: ['p/devices'], after: new Map(), seen: new Map() };
    let response: ServerResponse | undefined;
    const http = createServer((_request, answer) => {
      response ??= answer;
      void live.open(answer, { ...request, isAllowed: async () => true });
    }).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    const reader = await (await Reader.open(url, {})).begun();
    reader.pause();
    // Until the sockets take no more. Long names fill them sooner.
    const long = (n: number) => names(n * 900, 900).map((name) => name.padEnd(62, 'x'));
    let n = 0;
    await eventually(
      async () => {
        await updated('p', long(n++));
        expect(response!.writableNeedDrain).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(response!.writableNeedDrain).toBe(true);
      },
      { timeoutMs: 60_000, intervalMs: 1 },
    );
    const other = await (await Reader.open(url, {})).begun();
    for (let more = 0; more < 20; more++) await updated('p', long(n++));
    const id = `p:${await stores.eventReader.lastNumber(scopes[0]!)}`;
    await eventually(() => expect(other.frames.at(-1)?.id).toBe(id));
    expect(response!.writableLength).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    const seen = reader.frames.length;
    reader.resume();
    await eventually(() => {
      expect(reader.frames.slice(seen).map(({ name }) => name)).toContain('reload');
      expect(reader.frames.at(-1)?.id).toBe(id);
    });
    other.close();
    await updated('p', ['d-1']);
    await eventually(() => expect(reader.frames.at(-1)).toMatchObject({ changes: ['p/devices/d-1'] }));
    reader.close();
    http.close();
  }, 120_000);
});

describe('resumption', () => {
  const resume = async (id: string) => {
    const reader = await (await open('p/devices', { headers: { 'last-event-id': id } })).begun();
    reader.close();
    return reader.frames[0]!;
  };
  const last = async () => await server.running.services.stores.eventReader.lastNumber(await scopeOf('p'));

  it('should tell what was missed while the server was away', async () => {
    const before = await (await open('p/devices/missed-1,p/devices/missed-2,q/fleet')).begun();
    await updated('p', ['missed-1']);
    await eventually(() => expect(before.changes).toContain('p/devices/missed-1'));
    const { id } = before.frames.at(-1)!;
    expect(id).toMatch(/^p:\d+,q:\d+$/);
    await updated('p', ['missed-2']);
    await server.stop();
    await eventually(() => expect(before.isOver).toBe(true));
    // Stopping removes its own directory; the data is elsewhere.
    server = await start();
    const again = await open('p/devices/missed-1,p/devices/missed-2,q/fleet', {
      headers: { 'last-event-id': id },
    });
    expect((await again.begun()).frames[0]).toMatchObject({
      name: 'changes',
      changes: ['p/devices/missed-2'],
    });
    again.close();
  }, 120_000);

  it('should tell each change of as many events as the limit, and to read again beyond it', async () => {
    const from = await last();
    const data = JSON.stringify({ devices: ['d-1'] });
    await server.running.services.database.query(
      `select emit_event($1, 'devices.updated', $2) from generate_series(1, 1000)`,
      [(await scopeOf('p')).id, data],
    );
    expect(await resume(`p:${from}`)).toMatchObject({ name: 'changes', changes: ['p/devices/d-1'] });
    await updated('p', ['d-1']);
    expect(await resume(`p:${from}`)).toMatchObject({ name: 'reload', changes: [] });
    expect(await resume(`p:${await last()}`)).toMatchObject({ name: 'changes', changes: [] });
  });

  it('should tell to read again when the number is of another project, or events are removed', async () => {
    expect(await resume(`p:${(await last()) + 1}`)).toMatchObject({ name: 'reload' });
    const other = await (await open('p/devices', { after: `p:${(await last()) + 1}` })).begun();
    expect(other.frames[0]).toMatchObject({ name: 'reload' });
    other.close();
    const from = (await last()) - 5;
    const scope = await scopeOf('p');
    await server.running.services.database.query('delete from event where project_id = $1 and number = $2', [
      scope.id,
      from + 1,
    ]);
    expect(await resume(`p:${from}`)).toMatchObject({ name: 'reload' });
    expect(await resume(`p:${from + 1}`)).toMatchObject({ name: 'changes' });
  });

  it('should tell a stream of other topics again what has just happened', async () => {
    const scope = await scopeOf('q');
    const { database, stores } = server.running.services;
    // Of a machine that is busy for longer than is told again.
    await eventually(async () => {
      await updated('q', ['d-9']);
      const number = await stores.eventReader.lastNumber(scope);
      // Its transaction took a while, and began before that of an event before it.
      await database.query(
        `update event set at = at - interval '3 seconds' where project_id = $1 and number = $2`,
        [scope.id, number],
      );
      const reader = await (await open('q/devices', { after: `q:${number}` })).begun();
      reader.close();
      expect(reader.frames[0]).toMatchObject({ id: `q:${number}` });
      expect(reader.changes).toContain('q/devices/d-9');
    });
  });
});

describe('its end', () => {
  it('should come with the log-out, and when the right to a project ends, while the others go on', async () => {
    const { auth, stores } = server.running.services;
    const email = 'ada@example.org';
    const person = { id: uuidv7(), email, name: 'Ada', passwordHash: null };
    await stores.people.add({ ...person, instanceAdmin: false, emailProvenAt: null });
    for (const name of ['p', 'q']) await stores.people.putMember(await scopeOf(name), person.id, 'viewer');
    const session = await auth.openSession(person);
    const headers = { cookie: `tinyfleet_session=${session}`, origin: server.url };
    const of = async (topics: string) =>
      await (await Reader.open(`${server.url}/api/v1/live?topics=${topics}`, headers)).begun();
    const statusOf = async (topics: string) =>
      (await server.fetch(`/api/v1/live?topics=${topics}`, { headers })).status;

    const stream = await of('p/fleet,q/fleet');
    expect(stream.frames[0]!.gone).toEqual([]);
    await server.client.call('memberDelete', { params: { project: 'q', email } });
    await eventually(() => expect(stream.isOver).toBe(true));
    const left = await of('p/fleet,q/fleet,nothing/fleet');
    expect(left.frames[0]!.gone).toEqual(['q', 'nothing']);
    expect(await statusOf('q/fleet')).toBe(404);
    const loggedOut = await server.fetch('/api/v1/session', { method: 'DELETE', headers });
    expect(loggedOut.status).toBe(204);
    await eventually(() => expect(left.isOver).toBe(true));
    expect(await statusOf('p/fleet')).toBe(401);
  });

  it('should leave nothing open at the server', async () => {
    await eventually(async () =>
      expect(await (await server.fetch('/metrics')).text()).toContain('tinyfleet_event_streams 0'),
    );
  });
});
