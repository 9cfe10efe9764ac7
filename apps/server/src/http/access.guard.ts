/**
 * Who may call a route: reads the session cookie or the bearer token, finds the project, compares roles. Routes
 * without an entry in the route table (health) are open; a project one is no member of does not exist.
 */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { AuthService, Caller } from '@tinyfleet/auth';
import { NAME_PATTERN, routes, type Route, type RouteName } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { ProjectService } from '@tinyfleet/registry';
import { ROUTE, type ApiRequest } from './api.js';
import { readCookie, SESSION_COOKIE } from './session/cookie.js';

export interface AccessOptions {
  /** Origins besides the request's own host from which a browser may change something. */
  readonly publicOrigin: string | undefined;
}

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly auth: AuthService,
    private readonly projects: ProjectService,
    private readonly options: AccessOptions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const name = Reflect.getMetadata(ROUTE, context.getHandler()) as RouteName | undefined;
    if (name === undefined) return true;
    const route: Route = routes[name];
    const request = context.switchToHttp().getRequest<ApiRequest>();
    const token = bearerToken(request);
    // A bearer token is never sent by a browser on its own; a cookie is.
    if (token === undefined && route.method !== 'GET') this.requireSameOrigin(request);
    if (route.access === 'public') return true;
    const caller = await this.auth.callerOf({ token, sessionSecret: readCookie(request, SESSION_COOKIE) });
    request.admitted = { caller };
    const project = (request.params as Record<string, string>)['project'];
    if (project !== undefined) await this.admitToProject(request, caller, route, project);
    else if (route.access === 'admin' && !caller.isAdmin) {
      throw new FleetError('auth.forbidden', { needed: 'admin', role: 'user' });
    }
    return true;
  }

  private async admitToProject(
    request: ApiRequest,
    caller: Caller,
    route: Route,
    project: string,
  ): Promise<void> {
    if (!NAME_PATTERN.test(project)) throw new FleetError('registry.project-not-found', { project });
    const scope = await this.projects.scopeOf(project);
    const role = await this.auth.roleIn(caller, scope.id);
    if (role === undefined) throw new FleetError('registry.project-not-found', { project });
    const needed = route.access;
    if (needed !== 'user' && needed !== 'public') this.auth.requireRole(role, needed);
    request.admitted = { caller, scope };
  }

  private requireSameOrigin(request: ApiRequest): void {
    const origin = request.headers.origin;
    const site = request.headers['sec-fetch-site'];
    const hasCookie = readCookie(request, SESSION_COOKIE) !== undefined;
    if (origin === undefined) {
      // No browser: curl and scripts send neither header. A browser always sends one with a cookie it changes with.
      if (!hasCookie || site === 'same-origin') return;
      throw new FleetError('auth.cross-origin', { origin: 'an unknown place' });
    }
    const own = `${request.protocol}://${request.headers.host ?? ''}`;
    if (origin !== own && origin !== this.options.publicOrigin)
      throw new FleetError('auth.cross-origin', { origin });
  }
}

function bearerToken(request: ApiRequest): string | undefined {
  const [, token] = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token;
}
