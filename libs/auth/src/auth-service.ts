/**
 * Accounts: the one-time set-up, sessions and API tokens. Says who somebody is and what he may; it never looks at
 * requests. Secrets leave it once, when they are made.
 */
import type { Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { LoginLimiter } from './login-limiter.js';
import type { AuthStore, AuthStores, Credential, PasswordHasher, Person } from './ports.js';
import { leastRole, roleAllows, type ProjectRole } from './roles.js';
import { API_TOKEN_PREFIX, hashSecret, newApiToken, newSecret, shownPrefix } from './secrets.js';

/** Who makes a request. */
export interface Caller {
  readonly credential: Credential;
  /** As the audit log names it. */
  readonly actor: string;
  readonly isAdmin: boolean;
}

export interface AuthOptions {
  readonly sessionDays: number;
  readonly newId: () => string;
  readonly now?: () => Date;
}

const SETUP_LINK_HOURS = 24;
const DAY_MS = 86_400_000;
export const INSTANCE_TOKEN_NAME = 'local';

export class AuthService {
  private readonly limiter: LoginLimiter;
  private readonly now: () => Date;
  /** Verified when nobody has the address, so that the time of an answer does not tell who has an account. */
  private decoy: Promise<string> | undefined;

  constructor(
    private readonly store: AuthStore,
    private readonly transact: Transact<AuthStores>,
    private readonly passwords: PasswordHasher,
    private readonly options: AuthOptions,
  ) {
    this.now = options.now ?? (() => new Date());
    this.limiter = new LoginLimiter(undefined, () => this.now().getTime());
  }

  async isSetUp(): Promise<boolean> {
    return await this.store.hasPerson();
  }

  /** The token of a new setup link; links made before end. @throws auth.setup-done */
  async makeSetupToken(): Promise<string> {
    if (await this.store.hasPerson()) throw new FleetError('auth.setup-done');
    const token = newSecret();
    await this.store.replaceSetupLink(
      hashSecret(token),
      new Date(this.now().getTime() + SETUP_LINK_HOURS * 3_600_000),
    );
    return token;
  }

  /** @throws auth.setup-link-invalid, auth.setup-done, auth.too-many-attempts */
  async setUp(request: { token: string; email: string; password: string }, address: string): Promise<Person> {
    const keys = [`setup ${address}`];
    this.requireAttempt(keys);
    const person = await this.newPerson(request.email, request.password);
    const outcome = await this.transact(async ({ auth, audit }) => {
      const result = await auth.redeemSetupLink(hashSecret(request.token), person, this.now());
      if (result === 'made') await audit.append(null, personMade(person));
      return result;
    });
    if (outcome === 'done') throw new FleetError('auth.setup-done');
    if (outcome === 'link-invalid') {
      this.limiter.fail(keys);
      throw new FleetError('auth.setup-link-invalid');
    }
    return person;
  }

  /** Unattended set-up from the configuration; does nothing when somebody has an account. */
  async ensureFirstPerson(email: string, password: string): Promise<boolean> {
    if (await this.store.hasPerson()) return false;
    const person = await this.newPerson(email, password);
    return await this.transact(async ({ auth, audit }) => {
      const made = await auth.addFirstPerson(person);
      if (made) await audit.append(null, personMade(person));
      return made;
    });
  }

  /** @returns the session's secret for the cookie. @throws auth.bad-login, auth.too-many-attempts */
  async logIn(email: string, password: string, address: string): Promise<{ secret: string; person: Person }> {
    const normal = normalEmail(email);
    const keys = [`address ${address}`, `account ${normal}`];
    this.requireAttempt(keys);
    const person = await this.store.findPerson(normal);
    this.decoy ??= this.passwords.hash(newSecret());
    const right = await this.passwords.verify(person?.passwordHash ?? (await this.decoy), password);
    if (!person || !right) {
      this.limiter.fail(keys);
      throw new FleetError('auth.bad-login');
    }
    this.limiter.succeed(keys);
    return { secret: await this.openSession(person), person };
  }

  async openSession(person: Pick<Person, 'id'>): Promise<string> {
    const secret = newSecret();
    await this.store.addSession(hashSecret(secret), person.id, this.sessionEnd());
    await this.store.removeExpired(this.now());
    return secret;
  }

  async logOut(secret: string): Promise<void> {
    await this.store.removeSession(hashSecret(secret));
  }

  /** @throws auth.unauthenticated */
  async callerOf(given: { sessionSecret?: string | undefined; token?: string | undefined }): Promise<Caller> {
    const credential = given.token?.startsWith(API_TOKEN_PREFIX)
      ? await this.store.findToken(hashSecret(given.token), this.now())
      : given.sessionSecret
        ? await this.store.findSession(hashSecret(given.sessionSecret), this.now())
        : undefined;
    if (!credential) throw new FleetError('auth.unauthenticated');
    const { person, tokenName, role } = credential;
    return {
      credential,
      actor:
        tokenName !== null
          ? `token:${person ? `${person.email}/` : ''}${tokenName}`
          : `person:${person?.email}`,
      isAdmin: (person === null || person.instanceAdmin) && (role === null || role === 'admin'),
    };
  }

  /** The caller's role in a project, `undefined` when he is no member: the project does not exist for him. */
  async roleIn(caller: Caller, projectId: string): Promise<ProjectRole | undefined> {
    const { person, role: most, projectId: only } = caller.credential;
    if (only !== null && only !== projectId) return undefined;
    const own =
      person === null || person.instanceAdmin ? 'admin' : await this.store.roleIn(person.id, projectId);
    if (own === undefined) return undefined;
    return most === null ? own : leastRole(own, most);
  }

  /** @throws auth.forbidden */
  requireRole(role: ProjectRole, needed: ProjectRole): void {
    if (!roleAllows(role, needed)) throw new FleetError('auth.forbidden', { needed, role });
  }

  async describe(caller: Caller): Promise<Resource<'Me'>> {
    const { person, via } = caller.credential;
    return {
      email: person?.email ?? '',
      via,
      isAdmin: caller.isAdmin,
      projects: await this.store.projectsOf(person === null || person.instanceAdmin ? null : person.id),
    };
  }

  async listTokens(caller: Caller) {
    return await this.store.listTokens(caller.credential.person?.id ?? null);
  }

  async addToken(caller: Caller, name: string): Promise<Resource<'ApiTokenCreated'>> {
    const token = newApiToken();
    const prefix = shownPrefix(token);
    const { person, role } = caller.credential;
    await this.transact(async ({ auth, audit }) => {
      await auth.addToken({
        personId: person?.id ?? null,
        name,
        hash: hashSecret(token),
        prefix,
        role: role ?? 'admin',
      });
      await audit.append(null, { actor: caller.actor, action: 'token.made', target: name });
    });
    return { name, prefix, token, createdAt: this.now().toISOString(), lastUsedAt: null };
  }

  async removeToken(caller: Caller, name: string): Promise<void> {
    await this.transact(async ({ auth, audit }) => {
      if (!(await auth.removeToken(caller.credential.person?.id ?? null, name))) {
        throw new FleetError('auth.token-not-found', { name });
      }
      await audit.append(null, { actor: caller.actor, action: 'token.revoked', target: name });
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
    });
    return token;
  }

  /** True when this token is the instance's own and still valid. */
  async isInstanceToken(token: string): Promise<boolean> {
    const found = await this.store.findToken(hashSecret(token), this.now());
    return found?.person === null;
  }

  private requireAttempt(keys: readonly string[]): void {
    const waitMs = this.limiter.waitMs(keys);
    if (waitMs > 0) throw new FleetError('auth.too-many-attempts', { seconds: Math.ceil(waitMs / 1000) });
  }

  private async newPerson(email: string, password: string): Promise<Person> {
    return {
      id: this.options.newId(),
      email: normalEmail(email),
      passwordHash: await this.passwords.hash(password),
      instanceAdmin: true,
    };
  }

  sessionEnd(): Date {
    return new Date(this.now().getTime() + this.options.sessionDays * DAY_MS);
  }
}

const normalEmail = (email: string): string => email.trim().toLowerCase();
const personMade = (person: Person) => ({
  actor: 'system',
  action: 'person.made',
  target: person.email,
  detail: { instanceAdmin: person.instanceAdmin },
});
