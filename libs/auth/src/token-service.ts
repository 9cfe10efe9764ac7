/** API tokens: making, listing and revoking one's own, and what a limited one may be used for. */
import {
  AREAS,
  areaOf,
  isMutating,
  type Page,
  type Resource,
  type Route,
  type Transact,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { AuthService, Caller } from './auth-service.js';
import type { AuthStore, AuthStores, NewToken, TokenScope } from './ports.js';
import { leastRole } from './roles.js';
import { hashSecret, newApiToken, shownPrefix } from './secrets.js';

export const INSTANCE_TOKEN_NAME = 'local';
const DAY_MS = 86_400_000;
const BY_HAND = { loginVia: null, address: null, userAgent: null };

export class TokenService {
  constructor(
    private readonly store: AuthStore,
    private readonly transact: Transact<AuthStores>,
    private readonly auth: AuthService,
    private readonly options: { readonly maxTokens: number },
  ) {}

  async list(caller: Caller): Promise<Page<Resource<'ApiToken'>>> {
    return await this.store.listTokens(caller.credential.person?.id ?? null);
  }

  /**
   * Never more than the caller has: a lesser token makes lesser ones, and none that outlives it.
   * @throws auth.token-exists, auth.token-limit, auth.area-unknown
   */
  async add(
    caller: Caller,
    request: Resource<'ApiTokenCreate'>,
    project: { readonly id: string; readonly name: string } | null,
  ): Promise<Resource<'ApiTokenCreated'>> {
    const unknown = request.areas?.filter((area) => !AREAS.includes(area)) ?? [];
    if (unknown.length > 0)
      throw new FleetError('auth.area-unknown', { areas: unknown.join(', '), known: AREAS.join(', ') });
    const { person, token: own, expiresAt: ownEnd } = caller.credential;
    const secret = newApiToken();
    const now = this.auth.now();
    const wanted =
      request.expiresInDays === null ? null : new Date(now.getTime() + request.expiresInDays * DAY_MS);
    const expiresAt = own && ownEnd && (wanted === null || wanted > ownEnd) ? ownEnd : wanted;
    const made: NewToken = {
      personId: person?.id ?? null,
      name: request.name,
      hash: hashSecret(secret),
      prefix: shownPrefix(secret),
      role: own ? leastRole(request.role, own.role) : request.role,
      projectId: project?.id ?? null,
      areas: request.areas,
      readOnly: request.readOnly,
      expiresAt,
      ...BY_HAND,
    };
    const shown = {
      name: made.name,
      prefix: made.prefix,
      project: project?.name ?? null,
      role: made.role,
      areas: request.areas,
      readOnly: made.readOnly,
      expiresAt: expiresAt?.toISOString() ?? null,
    };
    await this.transact(async ({ auth, audit }) => {
      await auth.addToken(made, this.options.maxTokens);
      await audit.append(null, {
        actor: caller.actor,
        action: 'token.made',
        target: made.name,
        after: shown,
      });
    });
    return { ...shown, token: secret, createdAt: now.toISOString(), lastUsedAt: null };
  }

  /** Ends at once. @throws auth.token-not-found */
  async remove(caller: Caller, name: string): Promise<void> {
    await this.transact(async ({ auth, audit }) => {
      const before = await auth.removeToken(caller.credential.person?.id ?? null, name);
      if (!before) throw new FleetError('auth.token-not-found', { name });
      await audit.append(null, { actor: caller.actor, action: 'token.revoked', target: name, before });
    });
  }

  /** A token for the CLI on this machine; the one before it ends. */
  async makeInstanceToken(): Promise<string> {
    const token = newApiToken();
    await this.store.replaceInstanceToken({
      personId: null,
      name: INSTANCE_TOKEN_NAME,
      hash: hashSecret(token),
      prefix: shownPrefix(token),
      role: 'admin',
      projectId: null,
      areas: null,
      readOnly: false,
      expiresAt: null,
      ...BY_HAND,
    });
    return token;
  }

  /** True when this token is the instance's own and still valid. */
  async isInstanceToken(token: string): Promise<boolean> {
    const found = await this.store.findToken(hashSecret(token), this.auth.now());
    return found?.person === null;
  }
}

/** Asking who one is and where devices connect, which every token may: they tell of no project. */
const OF_NO_PROJECT: readonly string[] = ['/session', '/device-endpoint'];
/** The routes without a project that a token of a project may use: they tell of that project only. */
const OWN_PROJECTS: readonly string[] = ['/projects', '/live'];

/**
 * What a limited token is refused. Its role is compared with the rest of the roles, elsewhere.
 * @throws auth.token-scope
 */
export function requireTokenScope(token: TokenScope, route: Pick<Route, 'method' | 'path' | 'access'>): void {
  const refuse = (reason: string): never => {
    throw new FleetError('auth.token-scope', { name: token.name, reason });
  };
  const mutating = isMutating(route);
  if (OF_NO_PROJECT.includes(route.path) && !mutating) return;
  const isLimited = token.project !== null || token.areas !== null || token.readOnly;
  // Else it could make itself a token without limits.
  if (isLimited && mutating && route.access === 'user')
    refuse('it is a limited token and this is about an account');
  if (token.readOnly && mutating) refuse('it may only read');
  const area = areaOf(route);
  if (token.areas && !token.areas.includes(area))
    refuse(`it is for ${token.areas.join(', ')}, not for ${area}`);
  const isOfProject = route.path.includes('/:project');
  if (token.project && !isOfProject && (mutating || !OWN_PROJECTS.includes(route.path)))
    refuse(`it is for the project ${token.project.name} only`);
}
