/**
 * Who may call a route: limits the rate, reads the session cookie or the bearer token, finds the project, compares
 * roles and the token's scope. Routes without an entry in the route table (health, sign-in elsewhere) are open.
 */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Throttle, requireTokenScope, sourceOf, type AuthService, type Caller } from '@tinyfleet/auth';
import { isMutating, routes, type Route, type RouteName } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { ROUTE, type ApiRequest } from './api.js';
import type { ProjectAccess } from './project-access.js';
import { sessionCookie } from './session/cookie.js';

export interface AccessOptions {
  /** An origin besides the request's own host from which a browser may change something. */
  readonly publicOrigin: string | undefined;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}

/** Many people may share an address. */
const SOURCE_FACTOR = 4;
/** Buckets kept, some 150 bytes each. */
const MAX_KEYS = 20_000;

@Injectable()
export class AccessGuard implements CanActivate {
  private readonly sources: Throttle;
  private readonly credentials: Throttle;

  constructor(
    private readonly auth: AuthService,
    private readonly access: ProjectAccess,
    private readonly options: AccessOptions,
  ) {
    const { requestsPerSecond: perSecond, requestBurst: burst } = options;
    this.credentials = new Throttle({ perSecond, burst, maxKeys: MAX_KEYS });
    this.sources = new Throttle({
      perSecond: perSecond * SOURCE_FACTOR,
      burst: burst * SOURCE_FACTOR,
      maxKeys: MAX_KEYS,
    });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const name = Reflect.getMetadata(ROUTE, context.getHandler()) as RouteName | undefined;
    const request = context.switchToHttp().getRequest<ApiRequest>();
    if (name !== undefined) request.routeName = name;
    // Before anything is looked up: also strangers with made-up tokens have a source.
    if (request.url.startsWith('/api/')) requireRate(this.sources.take(sourceOf(request.ip)));
    if (name === undefined) return true;
    const route: Route = routes[name];
    const token = bearerToken(request);
    const isPublic = route.access === 'public';
    // A bearer token is never sent by a browser on its own; a cookie is.
    if (isMutating(route) && (isPublic || token === undefined)) this.requireSameOrigin(request);
    if (isPublic) return true;
    const given = { token, sessionSecret: sessionCookie(request, this.options) };
    const caller = await this.auth.callerOf(given);
    request.admitted = { caller, given };
    requireRate(this.credentials.take(caller.credential.id));
    if (caller.credential.token) requireTokenScope(caller.credential.token, route);
    const project = (request.params as Record<string, string>)['project'];
    if (project !== undefined) await this.admitToProject(request, caller, route, project);
    else if (route.access !== 'user' && !caller.isAdmin) {
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
    const { scope, role } = await this.access.admit(caller, project);
    const needed = route.access;
    if (needed !== 'user' && needed !== 'public') this.auth.requireRole(role, needed);
    request.admitted = { ...request.admitted, scope };
  }

  /**
   * Cross-site request forgery: what changes something with a cookie has to come from a page of ours. Browsers say so
   * in Origin (every request but GET and HEAD since 2020) and in Sec-Fetch-Site; what contradicts itself is refused, and
   * so is a cookie without either.
   */
  private requireSameOrigin(request: ApiRequest): void {
    const origin = request.headers.origin;
    const site = request.headers['sec-fetch-site'];
    const refuse = (from: string): never => {
      throw new FleetError('auth.cross-origin', { origin: from });
    };
    if (site !== undefined && site !== 'same-origin') refuse(origin ?? `a page it calls ${site}`);
    if (origin === undefined) {
      // No browser: curl and scripts send neither header.
      if (site === undefined && sessionCookie(request, this.options) !== undefined)
        refuse('an unknown place');
      return;
    }
    const own = `${request.protocol}://${request.headers.host ?? ''}`;
    if (origin !== own && origin !== this.options.publicOrigin) refuse(origin);
  }
}

function requireRate(waitMs: number): void {
  if (waitMs > 0) throw new FleetError('server.rate-limited', { seconds: Math.ceil(waitMs / 1_000) });
}

/** Any Authorization header counts: a cookie is not looked at beside one. */
function bearerToken(request: ApiRequest): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  return /^Bearer ([\x21-\x7e]+)$/i.exec(header)?.[1] ?? '';
}
