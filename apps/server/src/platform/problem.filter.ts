/** The one place where a failure becomes an HTTP answer: problem+json (RFC 9457) with a registered code. */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { errorCodesOf } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ApiRequest } from '../http/api.js';

const ASK_AGAIN_SECONDS = 60;

@Catch()
export class ProblemFilter implements ExceptionFilter {
  /** `isStrict`: an error that the route's description does not list is a defect; in production it is answered anyway. */
  constructor(
    private readonly log: Logger,
    private readonly options: { readonly isStrict: boolean },
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = this.declared(toFleetError(error, request), request);
    if (problem.status >= 500) {
      this.log.error(
        { err: error, requestId: request.id, method: request.method, url: request.url },
        problem.code,
      );
    }
    // A hijacked or half-sent answer cannot be changed any more.
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    // RFC 9110, 10.2.3. What waits for a person says no time.
    if (problem.status === 429)
      void reply.header('retry-after', String(problem.data['seconds'] ?? ASK_AGAIN_SECONDS));
    void reply
      .code(problem.status)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problem.toProblem()));
  }

  private declared(problem: FleetError, { routeName }: ApiRequest): FleetError {
    if (routeName === undefined || errorCodesOf(routeName).includes(problem.code)) return problem;
    this.log.warn({ route: routeName, code: problem.code }, 'an error that the route does not declare');
    if (!this.options.isStrict) return problem;
    return new FleetError('server.undeclared-error', { route: routeName, code: problem.code });
  }
}

export function toFleetError(error: unknown, request: FastifyRequest): FleetError {
  if (isFleetError(error)) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const status = error instanceof HttpException ? error.getStatus() : statusCode;
  const path = request.url.split('?', 1)[0] ?? '';
  if (status === 404) return new FleetError('server.not-found', { method: request.method, path });
  if (status === 413 || code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new FleetError('server.body-too-large', { limitBytes: request.routeOptions.bodyLimit });
  }
  if (status === 415) {
    return new FleetError('server.unsupported-media', { type: request.headers['content-type'] ?? 'none' });
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new FleetError('server.invalid-request', { summary: (error as Error).message });
  }
  return new FleetError('server.internal', { requestId: request.id }, { cause: error });
}
