/**
 * What a request's headers demand beside its content, for every route of the table at once: Idempotency-Key on POST,
 * If-Match on changes. The handler runs under these conditions, which its transactions keep.
 */
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { routes, type Route, type RouteName } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { requestConditions, type Precondition, type RequestConditions } from '@tinyfleet/storage';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { ROUTE, type ApiRequest } from '../api.js';
import { parseTags, revisionsOf, type Answered } from './etags.js';
import { readIdempotencyKey, type IdempotencyKeys } from './idempotency.js';

@Injectable()
export class ConditionsInterceptor implements NestInterceptor {
  constructor(private readonly keys: IdempotencyKeys) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const name = Reflect.getMetadata(ROUTE, context.getHandler()) as RouteName | undefined;
    if (name === undefined) return next.handle();
    const http = context.switchToHttp();
    const call: Call = {
      name,
      request: http.getRequest<ApiRequest & Answered>(),
      reply: http.getResponse<FastifyReply>(),
      handle: async () => (await lastValueFrom(next.handle(), { defaultValue: undefined })) as unknown,
    };
    return from(this.run(call));
  }

  private async run(call: Call): Promise<unknown> {
    const route: Route = routes[call.name];
    const { request } = call;
    const precondition = preconditionOf(route, request);
    const attempt = await this.begin(route, call);
    if (attempt && 'value' in attempt) {
      void call.reply.header('idempotency-replayed', 'true');
      return answered(call, attempt.value);
    }
    if (!precondition && !attempt) return answered(call, await call.handle());
    const conditions: RequestConditions = { precondition, hold: attempt };
    try {
      const value = await requestConditions.run(conditions, call.handle);
      if (attempt) await this.keys.keep(attempt, route.status ?? 200, value);
      return answered(call, value);
    } catch (error) {
      if (attempt) await this.keys.release(attempt).catch(() => {});
      throw error;
    }
  }

  /** Undefined where the header is absent, or nobody is known whose key it would be. */
  private async begin(route: Route, { name, request }: Call) {
    const header = request.headers['idempotency-key'];
    const caller = request.admitted?.caller;
    if (route.method !== 'POST' || header === undefined || !caller) return undefined;
    const key = readIdempotencyKey(String(header));
    if (route.body === 'binary') throw new FleetError('server.idempotency-unsupported', { route: name });
    return await this.keys.begin({
      key,
      route,
      url: request.url,
      body: request.body,
      caller,
      scope: request.admitted?.scope,
    });
  }
}

interface Call {
  readonly name: RouteName;
  readonly request: ApiRequest & Answered;
  readonly reply: FastifyReply;
  readonly handle: () => Promise<unknown>;
}

function answered({ name, request }: Call, value: unknown): unknown {
  const revision = (value as { revision?: unknown } | null | undefined)?.revision;
  request.answered = { route: name, revision: typeof revision === 'number' ? revision : undefined };
  return value;
}

/** @throws server.precondition-failed where no tag can match, because the route's resource has no revision */
function preconditionOf(route: Route, request: ApiRequest): Precondition | undefined {
  const header = request.headers['if-match'];
  const scope = request.admitted?.scope;
  if (header === undefined || route.method === 'GET' || route.method === 'POST') return undefined;
  const tags = parseTags('If-Match', header);
  // A resource that does not exist is answered with 404 by its handler, which says more than 412 would.
  if (tags === '*') return undefined;
  const { revisioned } = route;
  if (revisioned === undefined || !scope)
    throw new FleetError('server.precondition-failed', { resource: 'This resource', revision: 'no' });
  const name = (request.params as Record<string, string>)[revisioned] ?? '';
  return { resource: revisioned, scope, name, revisions: revisionsOf(tags) };
}
