/**
 * Makes it impossible to forget the audit log. A route that changes something, or reads what is `audited`, runs with its origin (address, user agent,
 * request, token), which the store writes into every entry; a request whose transactions changed rows without any
 * entry is a defect: tests refuse it, a running server writes an entry itself and says so in its log.
 */
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { newAuditOrigin, withAuditOrigin } from '@tinyfleet/auth';
import { isMutating, routes, type AuditLog, type Route, type RouteName } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Logger } from 'pino';
import { Observable, from, lastValueFrom } from 'rxjs';
import { ROUTE, type ApiRequest } from './api.js';

@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly audit: AuditLog,
    private readonly log: Logger,
    private readonly options: { readonly isStrict: boolean },
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const name = Reflect.getMetadata(ROUTE, context.getHandler()) as RouteName | undefined;
    if (name === undefined) return next.handle();
    const route: Route = routes[name];
    if (!isMutating(route) && route.audited !== true) return next.handle();
    return from(this.run(name, context.switchToHttp().getRequest<ApiRequest>(), next));
  }

  private async run(name: RouteName, request: ApiRequest, next: CallHandler): Promise<unknown> {
    const { caller, scope } = request.admitted ?? {};
    const origin = newAuditOrigin({
      id: request.id,
      address: request.ip,
      userAgent: request.headers['user-agent'],
      token: caller?.credential.token?.name ?? null,
    });
    return await withAuditOrigin(origin, async () => {
      const result: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      if (origin.entries > 0 || !origin.hasUnauditedWrite) return result;
      if (this.options.isStrict) throw new FleetError('server.unaudited', { route: name });
      this.log.error({ route: name, requestId: request.id }, 'a change without an audit entry');
      await this.audit.append(scope ?? null, {
        actor: caller?.actor ?? 'system',
        action: 'request.done',
        target: name,
        detail: { params: request.params },
      });
      return result;
    });
  }
}
