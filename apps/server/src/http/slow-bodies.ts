/**
 * Gives up on requests whose body trickles in: they would hold what they hold (an import's slot, a connection to the database) for
 * as long as a stranger likes. A body may pause, or come slower than the rate, for the patience in all; a server that does not
 * read is not the client's fault and does not count. Slow headers are Node's to end (`headersTimeout`).
 */
import { Transform, type TransformCallback } from 'node:stream';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyInstance } from 'fastify';

export interface SlowBodyOptions {
  readonly minBytesPerSecond: number;
  readonly patienceMs: number;
}

/** A token bucket of bytes that leaks at the least rate: empty, it ends the body. */
export class PacedBody extends Transform {
  /** Fastify compares it with the declared length. */
  receivedEncodedLength = 0;
  private credit: number;

  constructor(private readonly options: SlowBodyOptions) {
    super();
    this.credit = this.full;
  }

  private get full(): number {
    return (this.options.minBytesPerSecond * this.options.patienceMs) / 1_000;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.receivedEncodedLength += chunk.length;
    this.credit = Math.min(this.full, this.credit + chunk.length);
    done(null, chunk);
  }

  /** Called every `elapsedMs`. */
  tick(elapsedMs: number): void {
    const waitsForUs = this.readableLength > 0 || this.writableNeedDrain;
    if (waitsForUs || this.writableEnded || this.destroyed) return;
    this.credit -= (this.options.minBytesPerSecond * elapsedMs) / 1_000;
    if (this.credit >= 0) return;
    this.destroy(
      new FleetError('server.body-too-slow', {
        bytesPerSecond: this.options.minBytesPerSecond,
        seconds: this.options.patienceMs / 1_000,
      }),
    );
  }
}

export function refuseSlowBodies(fastify: FastifyInstance, options: SlowBodyOptions): void {
  const open = new Set<PacedBody>();
  const everyMs = Math.min(1_000, options.patienceMs / 4);
  let at = performance.now();
  const timer = setInterval(() => {
    // A process that was busy has not read: that time is not the clients'.
    const elapsedMs = Math.min(performance.now() - at, 2 * everyMs);
    at = performance.now();
    for (const body of open) body.tick(elapsedMs);
  }, everyMs).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const { headers } = request;
    if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0)
      return done(null, payload);
    const body = new PacedBody(options);
    open.add(body);
    body.once('close', () => open.delete(body));
    // What is left of the request is not read: the connection is of no use any more.
    body.once('error', () => {
      if (!reply.raw.headersSent) void reply.header('connection', 'close');
      payload.unpipe(body);
      payload.resume();
    });
    payload.once('error', (error) => body.destroy(error));
    payload.once('close', () => {
      if (!payload.readableEnded) body.destroy(new Error('aborted'));
    });
    done(null, payload.pipe(body));
  });
}
