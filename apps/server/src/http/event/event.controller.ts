/** Live events of a project (server-sent events): the outbox as it grows, resumed by Last-Event-ID. */
import { Controller, Req, Res } from '@nestjs/common';
import type { ProjectScope } from '@tinyfleet/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Api, Input, Scope, type ApiInput } from '../api.js';
import { EventStreams } from './event-streams.js';

@Controller()
export class EventController {
  constructor(private readonly streams: EventStreams) {}

  @Api('events')
  async events(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'events'>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const last = Number(request.headers['last-event-id'] ?? NaN);
    const names =
      query.names === undefined || query.names === '' ? undefined : new Set(query.names.split(','));
    const seen = Number.isSafeInteger(last) && last >= 0 ? last : undefined;
    const after = await this.streams.begin(scope, seen);
    // From here on the stream owns the connection.
    reply.hijack();
    await this.streams.open(reply.raw, { scope, names, after });
  }
}
