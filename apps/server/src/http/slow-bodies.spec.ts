/** Bodies that trickle in, and those that only look so because nobody reads them. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import fastifyOf, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { PacedBody, refuseSlowBodies } from './slow-bodies.js';

const options = { minBytesPerSecond: 1_000, patienceMs: 2_000 };

describe('PacedBody', () => {
  const paced = () => {
    const body = new PacedBody(options);
    const failures: string[] = [];
    body.on('error', (error) => failures.push(isFleetError(error) ? error.code : String(error)));
    return { body, failures };
  };

  it('should bear silence for as long as the patience, and no longer', async () => {
    const { body, failures } = paced();
    body.resume();
    body.tick(2_000);
    expect(body.destroyed).toBe(false);
    body.tick(1);
    await new Promise((resolve) => body.once('close', resolve));
    expect(failures).toEqual(['server.body-too-slow']);
  });

  it('should bear the least rate for ever, and a little less not', async () => {
    const { body } = paced();
    body.resume();
    for (let second = 0; second < 100; second++) {
      body.write(Buffer.alloc(1_000));
      await new Promise((resolve) => setImmediate(resolve));
      body.tick(1_000);
    }
    expect(body.destroyed).toBe(false);
    for (let second = 0; second < 30 && !body.destroyed; second++) {
      body.write(Buffer.alloc(900));
      await new Promise((resolve) => setImmediate(resolve));
      body.tick(1_000);
    }
    expect(body.destroyed).toBe(true);
  });

  it('should not count the time in which nobody reads, nor that after the end', () => {
    const { body } = paced();
    body.write(Buffer.alloc(10));
    for (let i = 0; i < 100; i++) body.tick(1_000);
    expect(body.destroyed).toBe(false);
    const ended = paced().body;
    ended.end();
    for (let i = 0; i < 100; i++) ended.tick(1_000);
    expect(ended.destroyed).toBe(false);
  });
});

describe('requests with slow bodies', () => {
  let fastify: FastifyInstance;
  let port: number;
  beforeAll(async () => {
    const times = { headersTimeout: 400, requestTimeout: 0, connectionsCheckingInterval: 100 };
    fastify = fastifyOf({ http: times });
    refuseSlowBodies(fastify, { minBytesPerSecond: 1_000, patienceMs: 400 });
    fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
      done(null, payload),
    );
    fastify.setErrorHandler((error, _request, reply) =>
      isFleetError(error) ? reply.code(error.status).send(error.toProblem()) : reply.code(500).send({}),
    );
    fastify.post('/', async ({ body }) => {
      let bytes = 0;
      if (body !== null && typeof body === 'object' && Symbol.asyncIterator in body)
        for await (const chunk of body as Readable) bytes += (chunk as Buffer).length;
      return { bytes };
    });
    await fastify.listen({ port: 0, host: '127.0.0.1' });
    ({ port } = fastify.server.address() as AddressInfo);
  });
  afterAll(async () => fastify.close());

  /** What the server said until it closed the connection. */
  async function raw(head: string, trickle: string, everyMs = 50): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    socket.on('error', () => {});
    socket.write(head);
    const timer = setInterval(() => socket.write(trickle), everyMs);
    await once(socket, 'close');
    clearInterval(timer);
    return said;
  }

  it.each([
    ['of a stream', 'application/octet-stream'],
    ['in JSON', 'application/json'],
  ])('should end with 408 %s', async (_what, type) => {
    const said = await raw(
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: 100000\r\n\r\n{`,
      ' ',
    );
    expect(said).toMatch(/^HTTP\/1.1 408 /);
    expect(said).toContain('server.body-too-slow');
    expect(said.toLowerCase()).toContain('connection: close');
  });

  it('should end when the headers trickle in, or nothing at all', async () => {
    expect(await raw('POST / HTTP/1.1\r\nhost: x\r\n', 'a: b\r\n')).toMatch(/^HTTP\/1.1 408 |^$/);
    const started = performance.now();
    await raw('', '', 100_000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('should pass what comes fast enough as it is', async () => {
    const body = new Uint8Array(300_000).fill(7);
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
    expect(await response.json()).toEqual({ bytes: 300_000 });
    const json = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
    expect(await json.json()).toEqual({ bytes: 0 });
  });
});
