/** Liveness, readiness and metrics: open, outside the API's prefix, free of secrets. */
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import { Server } from '../../platform/server.js';
import { METRICS } from '../tokens.js';

@Controller()
export class HealthController {
  constructor(
    private readonly server: Server,
    @Inject(METRICS) private readonly metrics: Registry,
  ) {}

  /** The process answers. Says nothing about the database: restarting would not bring that back. */
  @Get('health/live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** 200 only when every part can do its work now, asked anew each time. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const readiness = await this.server.readiness();
    void reply.code(readiness.ready ? 200 : 503).header('cache-control', 'no-store');
    return readiness;
  }

  @Get('metrics')
  async prometheus(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.metrics.contentType);
    return await this.metrics.metrics();
  }
}
