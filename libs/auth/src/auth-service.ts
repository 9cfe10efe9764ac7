/**
 * Signing in: the one-time set-up, sessions, and who makes a request. It never looks at requests. Secrets leave it
 * once, when they are made.
 */
import type { AuditRecord, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { LoginLimiter, loginLimits, type Attempt, type LoginLimits } from './login-limiter.js';
import type {
  AuthStore,
  AuthStores,
  Credential,
  NewPerson,
  NewSession,
  PasswordHasher,
  Person,
} from './ports.js';
import { leastRole, roleAllows, type ProjectRole } from './roles.js';
import { API_TOKEN_PREFIX, hashSecret, newSecret } from './secrets.js';
import { sourceOf } from './throttle.js';

/** Who makes a request. */
export interface Caller {
  readonly credential: Credential;
  /** As the audit log names it. */
  readonly actor: string;
  /** Of the instance. */
  readonly isAdmin: boolean;
}

export interface AuthOptions {
  /** A session ends then, however it is used. */
  readonly sessionDays: number;
  /** A session ends when it is not used for so long. */
  readonly sessionIdleHours: number;
  readonly limits?: Partial<LoginLimits>;
  readonly newId: () => string;
  readonly now?: () => Date;
}

/** Where somebody signs in from. */
export interface Client {
  readonly address: string;
  readonly userAgent?: string | undefined;
  /** The session the browser had: it ends, so that nobody keeps one that was planted or left behind. */
  readonly sessionSecret?: string | undefined;
}

const SETUP_LINK_HOURS = 24;
const HOUR_MS = 3_600_000;
const USER_AGENT_CHARACTERS = 200;

export class AuthService {
  private readonly limiter: LoginLimiter;
  readonly now: () => Date;
  /** Verified when nobody has the address, so that the time of an answer does not tell who has an account. */
  private decoy: Promise<string> | undefined;

  constructor(
    private readonly store: AuthStore,
    private readonly transact: Transact<AuthStores>,
    private readonly passwords: PasswordHasher,
    private readonly options: AuthOptions,
  ) {
    this.now = options.now ?? (() => new Date());
    this.limiter = new LoginLimiter({ ...loginLimits, ...options.limits }, () => this.now().getTime());
  }

  async isSetUp(): Promise<boolean> {
    return await this.store.hasPerson();
  }

  /** The token of a new setup link; links made before end. @throws auth.setup-done */
  async makeSetupToken(actor = 'system'): Promise<string> {
    if (await this.store.hasPerson()) throw new FleetError('auth.setup-done');
    const token = newSecret();
    const expiresAt = new Date(this.now().getTime() + SETUP_LINK_HOURS * HOUR_MS);
    await this.transact(async ({ auth, audit }) => {
      await auth.replaceSetupLink(hashSecret(token), expiresAt);
      const after = { expiresAt: expiresAt.toISOString() };
      await audit.append(null, { actor, action: 'setup-link.made', target: 'instance', after });
    });
    return token;
  }

  /** @throws auth.setup-link-invalid, auth.setup-done, auth.too-many-attempts */
  async setUp(
    request: { token: string; email: string; password: string },
    address: string,
  ): Promise<NewPerson> {
    const attempt = this.beginAttempt(address);
    const person = await this.newPerson(request.email, request.password);
    const outcome = await this.transact(async ({ auth, audit }) => {
      const result = await auth.redeemSetupLink(hashSecret(request.token), person, this.now());
      if (result === 'made') await audit.append(null, personMade(person));
      return result;
    });
    if (outcome === 'done') throw new FleetError('auth.setup-done');
    if (outcome === 'link-invalid') throw new FleetError('auth.setup-link-invalid');
    this.endAttempt(attempt);
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
  async logIn(email: string, password: string, client: Client): Promise<{ secret: string; person: Person }> {
    const normal = normalEmail(email);
    const attempt = this.beginAttempt(client.address, normal);
    const person = await this.store.findPerson(normal);
    if (!(await this.isPasswordOf(person, password)) || !person) {
      if (person) this.noteRefusal(normal);
      throw new FleetError('auth.bad-login');
    }
    this.endAttempt(attempt);
    return { secret: await this.openSession(person, { via: 'password', ...client }), person };
  }

  /**
   * Whether it is the password of an enabled person; takes as long when there is none. Count the attempt with
   * `beginAttempt` first.
   */
  async isPasswordOf(person: Person | undefined, password: string): Promise<boolean> {
    this.decoy ??= this.passwords.hash(newSecret());
    const decoy = await this.decoy;
    const right = await this.passwords.verify(person?.passwordHash ?? decoy, normalPassword(password));
    return right && person !== undefined && person.passwordHash !== null && person.disabledAt === null;
  }

  async hashPassword(password: string): Promise<string> {
    return await this.passwords.hash(normalPassword(password));
  }

  /** @throws auth.too-many-attempts */
  beginAttempt(address: string, email?: string): Attempt {
    const attempt = this.limiter.begin(sourceOf(address), email);
    if ('waitMs' in attempt)
      throw new FleetError('auth.too-many-attempts', { seconds: Math.ceil(attempt.waitMs / 1000) });
    return attempt;
  }

  endAttempt(attempt: Attempt): void {
    this.limiter.succeed(attempt);
  }

  async openSession(
    person: Pick<Person, 'id'> & { readonly email?: string },
    from: Partial<Client> & { via?: NewSession['via'] } = {},
  ): Promise<string> {
    const secret = newSecret();
    const via = from.via ?? 'link';
    const now = this.now();
    await this.transact(async ({ auth, audit }) => {
      if (from.sessionSecret !== undefined) await auth.removeSession(hashSecret(from.sessionSecret));
      await auth.removeExpired(now, this.idleSince());
      await auth.addSession({
        hash: hashSecret(secret),
        personId: person.id,
        via,
        address: from.address ?? null,
        userAgent: from.userAgent?.slice(0, USER_AGENT_CHARACTERS) ?? null,
        expiresAt: this.sessionEnd(),
      });
      const email = person.email ?? person.id;
      await audit.append(null, {
        actor: `person:${email}`,
        action: 'session.opened',
        target: email,
        detail: { via },
      });
    });
    return secret;
  }

  async logOut(caller: Caller, secret: string): Promise<void> {
    await this.transact(async ({ auth, audit }) => {
      await auth.removeSession(hashSecret(secret));
      await audit.append(null, sessionsEnded(caller));
    });
  }

  async listSessions(caller: Caller): Promise<Resource<'LoginSession'>[]> {
    const { person, id } = caller.credential;
    if (person === null) return [];
    const all = await this.store.listSessions(person.id, this.idleSince());
    return all.map((session) => ({ ...session, isCurrent: session.id === id }));
  }

  /** @throws auth.session-not-found */
  async endSession(caller: Caller, id: string): Promise<void> {
    const { person } = caller.credential;
    await this.transact(async ({ auth, audit }) => {
      if (person === null || !(await auth.removeSessionById(person.id, id)))
        throw new FleetError('auth.session-not-found');
      await audit.append(null, sessionsEnded(caller, { id }));
    });
  }

  async endOtherSessions(caller: Caller): Promise<void> {
    const { person } = caller.credential;
    if (person === null) return;
    await this.transact(async ({ auth, audit }) => {
      const ended = await auth.removeSessionsOf(person.id, caller.credential.id);
      if (ended > 0) await audit.append(null, sessionsEnded(caller, { ended }));
    });
  }

  /** Ends the person's other sessions. @throws auth.bad-password, auth.no-password, auth.too-many-attempts */
  async changePassword(caller: Caller, current: string, next: string, address: string): Promise<void> {
    const email = caller.credential.person?.email;
    const person = email === undefined ? undefined : await this.store.findPerson(email);
    if (!person || person.passwordHash === null) throw new FleetError('auth.no-password');
    const attempt = this.beginAttempt(address, person.email);
    if (!(await this.isPasswordOf(person, current))) throw new FleetError('auth.bad-password');
    this.endAttempt(attempt);
    const passwordHash = await this.hashPassword(next);
    await this.transact(async ({ auth, people, audit }) => {
      await people.update(person.id, { passwordHash });
      await people.removeReset(person.id);
      const ended = await auth.removeSessionsOf(person.id, caller.credential.id);
      await audit.append(null, {
        actor: caller.actor,
        action: 'person.password-changed',
        target: person.email,
        detail: { sessionsEnded: ended },
      });
    });
  }

  /**
   * A token that was sent decides alone: a cookie beside it does not count, nor does it make up for a bad token.
   * Notes the use, unless `isUse` is false.
   * @throws auth.unauthenticated
   */
  async callerOf(
    given: { readonly sessionSecret?: string | undefined; readonly token?: string | undefined },
    { isUse = true } = {},
  ): Promise<Caller> {
    const now = this.now();
    let credential: Credential | undefined;
    if (given.token !== undefined) {
      if (given.token.startsWith(API_TOKEN_PREFIX))
        credential = await this.store.findToken(hashSecret(given.token), now, isUse);
    } else if (given.sessionSecret !== undefined) {
      credential = await this.store.findSession(
        hashSecret(given.sessionSecret),
        now,
        this.idleSince(),
        isUse,
      );
    }
    if (!credential) throw new FleetError('auth.unauthenticated');
    const { person, token } = credential;
    const isWhole = token === null || (token.role === 'admin' && token.project === null);
    return {
      credential,
      actor: token ? `token:${person ? `${person.email}/` : ''}${token.name}` : `person:${person?.email}`,
      isAdmin: (person === null || person.instanceAdmin) && isWhole,
    };
  }

  /** The caller's role in a project, `undefined` when he is no member: the project does not exist for him. */
  async roleIn(caller: Caller, projectId: string): Promise<ProjectRole | undefined> {
    const { person, token } = caller.credential;
    if (token?.project && token.project.id !== projectId) return undefined;
    const own =
      person === null || person.instanceAdmin ? 'admin' : await this.store.roleIn(person.id, projectId);
    if (own === undefined) return undefined;
    return token === null ? own : leastRole(own, token.role);
  }

  /** @throws auth.forbidden */
  requireRole(role: ProjectRole, needed: ProjectRole): void {
    if (!roleAllows(role, needed)) throw new FleetError('auth.forbidden', { needed, role });
  }

  /** With the roles the caller has, not those of the person behind a token. */
  async describe(caller: Caller): Promise<Resource<'Me'>> {
    const { person, via, token, expiresAt } = caller.credential;
    const own = await this.store.projectsOf(person === null || person.instanceAdmin ? null : person.id);
    const mine = own.filter(({ name }) => !token?.project || token.project.name === name);
    return {
      email: person?.email ?? '',
      name: person?.name ?? '',
      via,
      isAdmin: caller.isAdmin,
      projects: mine.map(({ name, role }) => ({ name, role: token ? leastRole(role, token.role) : role })),
      token: token && {
        name: token.name,
        role: token.role,
        project: token.project?.name ?? null,
        areas: token.areas === null ? null : [...token.areas],
        readOnly: token.readOnly,
        expiresAt: expiresAt?.toISOString() ?? null,
      },
    };
  }

  sessionEnd(): Date {
    return new Date(this.now().getTime() + this.options.sessionDays * 24 * HOUR_MS);
  }

  private idleSince(): Date {
    return new Date(this.now().getTime() - this.options.sessionIdleHours * HOUR_MS);
  }

  /** Not awaited: an account must not answer later than none. Attempts are limited, so entries are. */
  private noteRefusal(email: string): void {
    const entry: AuditRecord = { actor: 'system', action: 'session.refused', target: email };
    void this.transact(async ({ audit }) => await audit.append(null, entry)).catch(() => {});
  }

  private async newPerson(email: string, password: string): Promise<NewPerson> {
    const normal = normalEmail(email);
    return {
      id: this.options.newId(),
      email: normal,
      name: normal,
      passwordHash: await this.hashPassword(password),
      instanceAdmin: true,
      // Who sets the instance up says so, and could for anybody.
      emailProvenAt: this.now(),
    };
  }
}

export const normalEmail = (email: string): string => email.trim().toLowerCase();
/** One person types the same password on two keyboards and sends different code points. */
const normalPassword = (password: string): string => password.normalize('NFKC');
const sessionsEnded = (caller: Caller, detail: Record<string, unknown> = {}): AuditRecord => ({
  actor: caller.actor,
  action: 'session.ended',
  target: caller.credential.person?.email ?? '',
  detail,
});

export const personMade = (person: NewPerson, actor = 'system'): AuditRecord => ({
  actor,
  action: 'person.made',
  target: person.email,
  after: {
    email: person.email,
    instanceAdmin: person.instanceAdmin,
    hasPassword: person.passwordHash !== null,
  },
});
