/**
 * Server-sent events: of a project, the outbox as it grows, and of all that a browser shows, what changed. Both are resumed by
 * Last-Event-ID.
 */
import { Controller, Req, Res } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import { LivePosition, parseLivePosition, type ProjectScope } from '@tinyfleet/contracts';
import { isFleetError } from '@tinyfleet/errors';
import type { FastifyReply } from 'fastify';
import { Api, Caller, Input, Scope, type ApiInput, type ApiRequest } from '../api.js';
import { ProjectAccess } from '../project-access.js';
import { EventStreams } from './event-streams.js';
import { LiveStreams } from './live-streams.js';
import { OpenStreams } from './open-streams.js';

@Controller()
export class EventController {
  constructor(
    private readonly streams: EventStreams,
    private readonly liveStreams: LiveStreams,
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
      isAllowed: async () => await this.access.isStillAllowed(given, [scope], 'viewer'),
    });
  }

  @Api('live')
  async live(
    @Caller() caller: AuthCaller,
    @Input() { query }: ApiInput<'live'>,
    @Req() request: ApiRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.open.admit(reply.raw, caller);
    const topics = query.topics.split(',');
    const { scopes, gone } = await this.visible(caller, topics);
    reply.hijack();
    const given = request.admitted?.given ?? {};
    await this.liveStreams.open(reply.raw, {
      scopes,
      gone,
      topics,
      after: positionOf(query.after),
      seen: positionOf(request.headers['last-event-id']),
      isAllowed: async () => await this.access.isStillAllowed(given, scopes, 'viewer'),
    });
  }

  /** One page that shows what is gone does not end the others' news. @throws registry.project-not-found when none is left */
  private async visible(caller: AuthCaller, topics: readonly string[]) {
    const scopes: ProjectScope[] = [];
    const gone: string[] = [];
    let refusal: unknown;
    for (const name of new Set(topics.map((topic) => topic.slice(0, topic.indexOf('/'))))) {
      try {
        scopes.push((await this.access.admit(caller, name)).scope);
      } catch (error) {
        if (!isFleetError(error) || error.code !== 'registry.project-not-found') throw error;
        refusal ??= error;
        gone.push(name);
      }
    }
    if (scopes.length === 0) throw refusal;
    return { scopes, gone };
  }
}

/** What is no position is none: a stream then begins with what is new. */
function positionOf(text: unknown): Map<string, number> {
  const position = LivePosition.safeParse(text);
  return position.success ? parseLivePosition(position.data) : new Map<string, number>();
}
