/** Live events of a project (server-sent events): the outbox as it grows, resumed by Last-Event-ID. */
import { Controller, Req, Res } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import type { FastifyReply } from 'fastify';
import { Api, Caller, Input, Scope, type ApiInput, type ApiRequest } from '../api.js';
import { ProjectAccess } from '../project-access.js';
import { EventStreams } from './event-streams.js';
import { OpenStreams } from './open-streams.js';

@Controller()
export class EventController {
  constructor(
    private readonly streams: EventStreams,
    private readonly open: OpenStreams,
    private readonly access: ProjectAccess,
  ) {}

  @Api('events')
  async events(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'events'>,
    @Req() request: ApiRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.open.admit(reply.raw, caller);
    const last = Number(request.headers['last-event-id'] ?? NaN);
    const names =
      query.names === undefined || query.names === '' ? undefined : new Set(query.names.split(','));
    const seen = Number.isSafeInteger(last) && last >= 0 ? last : undefined;
    const after = await this.streams.begin(scope, seen);
    // From here on the stream owns the connection.
    reply.hijack();
    const given = request.admitted?.given ?? {};
    await this.streams.open(reply.raw, {
      scope,
      names,
      after,
      isAllowed: async () => await this.access.isStillAllowed(given, scope, 'viewer'),
    });
  }
}
