/** Webhooks against a receiver on a real socket: signed, retried, replayed, never lost, never to our own network. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiError } from '@tinyfleet/contracts';
import { eventually } from '@tinyfleet/testing';
import { deliver } from '../src/webhook/deliver.js';
import { startTestServer, type TestServer } from './test-server.js';

interface Received {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
  readonly event: { type: string; number: number; project: string; data: Record<string, unknown> };
}

/** Answers as `answer` says; the n-th request has the number n, from 1. */
class Receiver {
  readonly got: Received[] = [];
  answer: (n: number, response: ServerResponse, request: IncomingMessage) => void = (_n, response) =>
    void response.end();
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      this.got.push({
        id: String(request.headers['webhook-id']),
        timestamp: String(request.headers['webhook-timestamp']),
        signature: String(request.headers['webhook-signature']),
        body,
        event: JSON.parse(body) as Received['event'],
      });
      this.answer(this.got.length, response, request);
    });
  });
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }
  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const fast = {
  TINYFLEET_WEBHOOK_PRIVATE: 'true',
  TINYFLEET_WEBHOOK_RETRY_MS: '50',
  TINYFLEET_WEBHOOK_TIMEOUT_MS: '500',
  TINYFLEET_WEBHOOK_ATTEMPTS: '4',
  TINYFLEET_WEBHOOKS: '3',
  TINYFLEET_WEBHOOK_REPLAY: '10',
};
const CONCURRENCY = 4;
const DISABLE_SECONDS = 3 * 86_400;
const params = { project: 'p' };
let server: TestServer;
let receiver: Receiver;
let url: string;
let count = 0;

beforeAll(async () => {
  server = await startTestServer(fast);
  await server.client.call('projectCreate', { body: { name: 'p' } });
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  receiver = new Receiver();
  url = await receiver.open();
});
afterEach(async () => {
  for (const { name } of (await server.client.call('webhookList', { params })).items)
    await server.client.call('webhookDelete', { params: { ...params, webhook: name } });
  await receiver.close();
});

const add = async (name = 'hook', events = ['device.registered'], to = url) =>
  server.client.call('webhookCreate', { params, body: { name, url: to, events } });
const register = async () => {
  const name = `d-${++count}`;
  await server.client.call('deviceRegister', { params, body: { name, type: 'wasm' } });
  return name;
};
const deliveries = async (webhook = 'hook') =>
  (await server.client.call('webhookDeliveries', { params: { ...params, webhook } })).items;
const signed = (secret: string, { id, timestamp, body }: Received) =>
  `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64')}`;
const codeOf = async (work: Promise<unknown>) => ((await work.catch((e: unknown) => e)) as ApiError).code;
const patience = { timeoutMs: 60_000 };

describe('webhooks', () => {
  it('should tell of the events that were asked for, from then on, signed under the secret', async () => {
    await register();
    const { secret, webhook } = await add();
    expect(webhook).toMatchObject({ enabled: true, events: ['device.registered'] });
    expect(JSON.stringify(await server.client.call('webhookList', { params }))).not.toContain(secret);
    const name = await register();
    await server.client.call('deviceUpdate', { params: { ...params, device: name }, body: { site: 'x' } });
    const other = await register();
    await eventually(async () => expect(receiver.got).toHaveLength(2), patience);
    expect(receiver.got.map(({ event }) => event.data['device']).sort()).toEqual([name, other].sort());
    for (const got of receiver.got) {
      expect(got.event).toMatchObject({ type: 'device.registered', project: 'p' });
      expect(got.signature).toBe(signed(secret, got));
      expect(Math.abs(Number(got.timestamp) - Date.now() / 1_000)).toBeLessThan(30);
    }
    await eventually(async () => {
      const [last] = await deliveries();
      expect(last).toMatchObject({ state: 'delivered', attempts: 1, status: 200, error: null });
      expect(last?.latencyMs).toBeGreaterThanOrEqual(0);
    }, patience);
  });

  it('should sign with both secrets while one replaces the other', async () => {
    const first = await add();
    const second = await server.client.call('webhookSecret', {
      params: { ...params, webhook: 'hook' },
      body: { overlapSeconds: 60 },
    });
    await server.client.call('webhookTest', { params: { ...params, webhook: 'hook' } });
    await eventually(async () => expect(receiver.got).toHaveLength(1), patience);
    const [got] = receiver.got;
    expect(got?.event.type).toBe('webhook.ping');
    expect(got?.signature).toBe(`${signed(second.secret, got!)} ${signed(first.secret, got!)}`);
  });

  it('should try again what fails in any way, under the same id, and give up after its attempts', async () => {
    receiver.answer = (n, response) => {
      if (n === 1) response.writeHead(500).end('sorry');
      else if (n === 2) response.writeHead(302, { location: `${url}/elsewhere` }).end();
      else if (n === 3)
        return; // no answer at all
      else response.end('x'.repeat(100_000));
    };
    await add();
    await register();
    await eventually(async () => {
      const [only] = await deliveries();
      expect(only).toMatchObject({ state: 'delivered', attempts: 4, status: 200 });
      expect(only?.response).toBe('x'.repeat(1_024));
    }, patience);
    expect(new Set(receiver.got.map(({ id }) => id)).size).toBe(1);
    receiver.answer = (_n, response) => void response.writeHead(500).end('never');
    await register();
    await eventually(async () => {
      const [last] = await deliveries();
      expect(last).toMatchObject({
        state: 'failed',
        attempts: 4,
        status: 500,
        error: 'status 500',
        response: 'never',
      });
    }, patience);
    const { failingSince } = await server.client.call('webhookGet', {
      params: { ...params, webhook: 'hook' },
    });
    expect(failingSince).not.toBeNull();
  });

  it('should not let a slow endpoint hold up another, and log one that is not there', async () => {
    const slow = new Receiver();
    slow.answer = () => {};
    const gone = new Receiver();
    const nowhere = await gone.open();
    await gone.close();
    await add('slow', ['device.registered'], await slow.open());
    await add('nowhere', ['device.registered'], nowhere);
    await add();
    const begun = Date.now();
    for (let i = 0; i < 10; i++) await register();
    await eventually(async () => expect(receiver.got).toHaveLength(10), patience);
    expect(Date.now() - begun).toBeLessThan(15_000);
    await eventually(async () => {
      const [last] = await deliveries('nowhere');
      expect(last?.error).toContain('ECONNREFUSED');
    }, patience);
    await slow.close();
  });

  it('should deliver again one delivery or a range of numbers, with the ids they had', async () => {
    await add();
    for (let i = 0; i < 3; i++) await register();
    await eventually(async () => expect(receiver.got).toHaveLength(3), patience);
    await eventually(
      async () => expect((await deliveries()).every((d) => d.state === 'delivered')).toBe(true),
      patience,
    );
    const first = receiver.got[0]!;
    const which = { params: { ...params, webhook: 'hook' } };
    expect(await server.client.call('webhookReplay', { ...which, body: { id: first.id } })).toEqual({
      count: 1,
    });
    await eventually(async () => expect(receiver.got).toHaveLength(4), patience);
    expect(receiver.got[3]?.id).toBe(first.id);
    expect(receiver.got[3]?.body).toBe(first.body);
    const numbers = receiver.got.map(({ event }) => event.number);
    const [from, to] = [Math.min(...numbers), Math.max(...numbers)];
    await server.running.services.database.execute('delete from webhook_delivery');
    const { count: replayed } = await server.client.call('webhookReplay', { ...which, body: { from, to } });
    expect(replayed).toBe(3);
    await eventually(async () => expect(receiver.got).toHaveLength(7), patience);
    expect(new Set(receiver.got.map(({ id }) => id)).size).toBe(3);
    expect(await server.client.call('webhookReplay', { ...which, body: { from: 1, to: 10 } })).toBeDefined();
    expect(await codeOf(server.client.call('webhookReplay', { ...which, body: { from: 1, to: 11 } }))).toBe(
      'registry.webhook-replay-too-long',
    );
    expect(await codeOf(server.client.call('webhookReplay', { ...which, body: { id: 'x' } }))).toBe(
      'registry.delivery-not-found',
    );
  });

  it('should disable an endpoint that says it is gone, with an event, and let it go on when told to', async () => {
    receiver.answer = (_n, response) => void response.writeHead(410).end();
    await add();
    await register();
    const which = { params: { ...params, webhook: 'hook' } };
    await eventually(async () => {
      expect(await server.client.call('webhookGet', which)).toMatchObject({
        enabled: false,
        disabledReason: 'it answered 410 Gone',
      });
    }, patience);
    const events = await server.running.services.database.query<{ type: string }>(
      `select type from event where type = 'webhook.disabled'`,
    );
    expect(events).toHaveLength(1);
    receiver.answer = (_n, response) => void response.end();
    const known = receiver.got.length;
    await register();
    await server.client.call('webhookUpdate', { ...which, body: { enabled: true } });
    await eventually(async () => expect(receiver.got.length).toBeGreaterThan(known), patience);
  });

  it('should change under If-Match only when nobody else did', async () => {
    const { webhook } = await add();
    const change = async (tag: string) =>
      server.fetch('/api/v1/projects/p/webhooks/hook', {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${server.token}`,
          'content-type': 'application/json',
          'if-match': tag,
        },
        body: JSON.stringify({ events: ['device.removed'] }),
      });
    const read = await server.fetch('/api/v1/projects/p/webhooks/hook', {
      headers: { authorization: `Bearer ${server.token}` },
    });
    const etag = read.headers.get('etag') ?? '';
    expect(etag.startsWith(`"${webhook.revision}.`)).toBe(true);
    const first = await change(etag);
    expect([first.status, first.headers.get('etag')]).toEqual([200, `"${webhook.revision + 1}"`]);
    const second = await change(etag);
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([
      412,
      'server.precondition-failed',
    ]);
    expect((await change(`W/"${webhook.revision + 1}"`)).status).toBe(412);
    expect((await change(`"x", "${webhook.revision + 1}"`)).status).toBe(200);
    expect((await change('*')).status).toBe(200);
  });

  it('should keep its limits, and refuse what it cannot mean', async () => {
    for (const name of ['a', 'b', 'c']) await add(name);
    expect(await codeOf(add('e'))).toBe('registry.webhooks-too-many');
    expect(await codeOf(add('a'))).toBe('registry.webhooks-too-many');
    await server.client.call('webhookDelete', { params: { ...params, webhook: 'c' } });
    expect(await codeOf(add('a'))).toBe('registry.webhook-exists');
    expect(await codeOf(add('e', ['no.such']))).toBe('registry.webhook-event');
    expect(await codeOf(add('e', ['device.removed'], 'ftp://x.example'))).toBe('registry.webhook-url');
    expect(await codeOf(add('e', ['device.removed'], 'https://a:b@x.example'))).toBe('registry.webhook-url');
    expect(await codeOf(deliveries('none'))).toBe('registry.webhook-not-found');
  });

  it('should be disabled when nothing was delivered for the configured time, and not before', async () => {
    receiver.answer = (_n, response) => void response.writeHead(500).end();
    await add();
    const which = { params: { ...params, webhook: 'hook' } };
    // The database's clock is the one that counts: the first failure is moved into its past.
    const failSince = async (seconds: number) => {
      const { database } = server.running.services;
      await database.execute(`update webhook set failing_since = now() - make_interval(secs => $1)`, [
        seconds,
      ]);
      await register();
      const known = receiver.got.length;
      await eventually(() => expect(receiver.got.length).toBeGreaterThan(known), patience);
    };
    await register();
    await eventually(async () => expect((await deliveries())[0]?.state).toBe('failed'), patience);
    await failSince(DISABLE_SECONDS - 60);
    await eventually(async () => expect((await deliveries())[0]?.state).toBe('failed'), patience);
    expect(await server.client.call('webhookGet', which)).toMatchObject({ enabled: true });
    await failSince(DISABLE_SECONDS + 1);
    await eventually(async () => {
      expect(await server.client.call('webhookGet', which)).toMatchObject({
        enabled: false,
        disabledReason: 'nothing was delivered for 72 hours; last: status 500',
      });
    }, patience);
    const quiet = receiver.got.length;
    await register();
    receiver.answer = (_n, response) => void response.end();
    expect(receiver.got.length).toBe(quiet);
    // What happened meanwhile is told once it may go on.
    await server.client.call('webhookUpdate', { ...which, body: { enabled: true } });
    await eventually(() => expect(receiver.got.at(-1)?.event.data['device']).toBe(`d-${count}`), patience);
  });

  it('should have as many requests under way as it may, and one more only when one has ended', async () => {
    let [now, most] = [0, 0];
    receiver.answer = (_n, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.end();
      }, 100);
    };
    await add();
    const devices = Array.from({ length: 10 }, () => ({ name: `d-${++count}`, type: 'wasm' }));
    await server.client.call('deviceRegisterMany', { params, body: { devices } });
    await eventually(() => expect(receiver.got).toHaveLength(10), patience);
    expect(most).toBe(CONCURRENCY);
  });

  it('should wait for an answer as long as it may, and keep as much of it as it may', async () => {
    const options = { timeoutMs: 400, allowPrivate: true, snippetBytes: 100 };
    const attempt = async (ms: number, bytes: number) => {
      receiver.answer = (_n, response) => void setTimeout(() => response.end('x'.repeat(bytes)), ms);
      return await deliver({ url, id: 'x', body: '{}', secrets: [Buffer.alloc(32)] }, options);
    };
    expect(await attempt(100, 100)).toMatchObject({ status: 200, error: null, response: 'x'.repeat(100) });
    expect(await attempt(0, 101)).toMatchObject({ status: 200, error: null, response: 'x'.repeat(100) });
    expect(await attempt(800, 1)).toMatchObject({ status: null, error: 'no answer in 400 ms' });
  });
});
