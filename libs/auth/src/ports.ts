/** What accounts and tokens need from outside. Implemented by @tinyfleet/storage (stores) and the server (passwords). */
import type { AuditLog, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { ProjectRole } from './roles.js';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  /** Null: signs in elsewhere. */
  readonly passwordHash: string | null;
  readonly instanceAdmin: boolean;
  readonly disabledAt: Date | null;
  /** Null: whoever accepted an invitation for the address; nothing tells that it is his. */
  readonly emailProvenAt: Date | null;
}
export type NewPerson = Omit<Person, 'disabledAt'>;

/** A session or API token that was found by its hash. */
export interface Credential {
  /** Null: the instance's own token of the CLI context. */
  readonly person: Pick<Person, 'id' | 'email' | 'name' | 'instanceAdmin'> | null;
  readonly via: 'session' | 'token';
  /** Of the session or token: names it in limits, never the secret. */
  readonly id: string;
  /** Null: a session, which may do all its person may. */
  readonly token: TokenScope | null;
  readonly expiresAt: Date | null;
}

export interface TokenScope {
  readonly name: string;
  /** The most it allows. */
  readonly role: ProjectRole;
  /** The only project it is for; null = every project. */
  readonly project: { readonly id: string; readonly name: string } | null;
  /** Parts of the API it may use; null = all. */
  readonly areas: readonly string[] | null;
  readonly readOnly: boolean;
}

export interface NewToken {
  readonly personId: string | null;
  readonly name: string;
  readonly hash: Buffer;
  readonly prefix: string;
  readonly role: ProjectRole;
  readonly projectId: string | null;
  readonly areas: readonly string[] | null;
  readonly readOnly: boolean;
  readonly expiresAt: Date | null;
  /** Null: made by hand. Else it is a login of the command line, a session to its person. */
  readonly loginVia: NewSession['via'] | null;
  readonly address: string | null;
  readonly userAgent: string | null;
}

/** A command line that a person lets in: a code for who knows the verifier of the challenge. */
export interface NewCliLogin {
  readonly hash: Buffer;
  /** RFC 7636, S256. */
  readonly challenge: string;
  readonly machine: string;
  readonly tokenDays: number;
  readonly expiresAt: Date;
}
export interface CliLogin extends Pick<NewCliLogin, 'challenge' | 'machine' | 'tokenDays'> {
  readonly person: Pick<Person, 'id' | 'email'>;
  readonly via: NewSession['via'];
}

export interface NewSession {
  readonly hash: Buffer;
  readonly personId: string;
  readonly via: 'password' | 'oidc' | 'link';
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly expiresAt: Date;
}

/** What a secret gives to. A disabled person's secrets give nothing. */
export interface AuthStore {
  hasPerson(): Promise<boolean>;
  /** Also a disabled one. */
  findPerson(email: string): Promise<Person | undefined>;
  /** Uses up the setup link and makes the first administrator, or says why not; all or nothing. */
  redeemSetupLink(hash: Buffer, person: NewPerson, now: Date): Promise<'made' | 'link-invalid' | 'done'>;
  /** Makes the first administrator without a link; false when there is one. */
  addFirstPerson(person: NewPerson): Promise<boolean>;
  /** The newest link replaces all others. */
  replaceSetupLink(hash: Buffer, expiresAt: Date): Promise<void>;

  /** Also notes the person's login. */
  addSession(session: NewSession): Promise<void>;
  /** One used after `idleSince` and not expired. A use is noted, at most once a minute. */
  findSession(hash: Buffer, now: Date, idleSince: Date, isUse?: boolean): Promise<Credential | undefined>;
  /** Of browsers, and logins of the command line. */
  listSessions(personId: string, idleSince: Date): Promise<Resource<'LoginSession'>[]>;
  removeSession(hash: Buffer): Promise<void>;
  /** False when the person has none of that id. */
  removeSessionById(personId: string, id: string): Promise<boolean>;
  /** Of browsers, and logins of the command line. @returns how many ended. */
  removeSessionsOf(personId: string, exceptId?: string): Promise<number>;
  removeExpired(now: Date, idleSince: Date): Promise<void>;

  /** For the person of a session. */
  addCliLogin(sessionId: string, login: NewCliLogin): Promise<void>;
  /** Uses it up; undefined when it is not good (any more) or the person is disabled. */
  takeCliLogin(hash: Buffer, now: Date): Promise<CliLogin | undefined>;

  /** Logins and tokens made by hand are counted apart. @throws auth.token-exists, auth.token-limit when there are `limit` already */
  addToken(token: NewToken, limit: number): Promise<void>;
  /** A use is noted, at most once a minute. */
  findToken(hash: Buffer, now: Date, isUse?: boolean): Promise<Credential | undefined>;
  /** Made by hand. */
  listTokens(personId: string | null): Promise<Page<Resource<'ApiToken'>>>;
  /** The token as it was; undefined when there is none of that name. */
  removeToken(personId: string | null, name: string): Promise<Resource<'ApiToken'> | undefined>;
  /** @returns their names. */
  removeTokensOf(personId: string): Promise<string[]>;
  /** The instance's own token: replaced as a whole. */
  replaceInstanceToken(token: NewToken): Promise<void>;

  roleIn(personId: string, projectId: string): Promise<ProjectRole | undefined>;
  projectsOf(personId: string | null): Promise<{ name: string; role: ProjectRole }[]>;
}

export interface NewInvitation {
  readonly id: string;
  readonly hash: Buffer;
  readonly email: string;
  readonly role: ProjectRole | null;
  readonly instanceAdmin: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}
/** An open invitation that was found by its link. */
export interface FoundInvitation extends Pick<NewInvitation, 'id' | 'email' | 'role' | 'instanceAdmin'> {
  readonly scope: ProjectScope | null;
}

/** Members of one project. */
export interface MemberStore {
  members(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Member'>>>;
  /** Holds every change of the project's members until the transaction ends. */
  lockMembers(scope: ProjectScope): Promise<void>;
  member(
    scope: ProjectScope,
    email: string,
  ): Promise<(Resource<'Member'> & { personId: string }) | undefined>;
  putMember(scope: ProjectScope, personId: string, role: ProjectRole): Promise<void>;
  removeMember(scope: ProjectScope, personId: string): Promise<void>;
  /** Enabled members with the role admin. */
  countAdmins(scope: ProjectScope): Promise<number>;
}

/** People of the instance, their links and invitations. An invitation's scope is null when it is for no project. */
export interface PeopleStore extends MemberStore {
  list(query: PageRequest & { text?: string | undefined }): Promise<Page<Resource<'Person'>>>;
  /** @throws auth.person-not-found */
  get(email: string): Promise<Resource<'Person'>>;
  /** @throws auth.person-exists */
  add(person: NewPerson): Promise<void>;
  update(
    id: string,
    change: Partial<Pick<Person, 'name' | 'instanceAdmin' | 'disabledAt' | 'emailProvenAt' | 'passwordHash'>>,
  ): Promise<void>;
  /** Holds every change of administrators until the transaction ends, and counts the enabled ones. */
  lockAdmins(): Promise<number>;

  replaceReset(personId: string, hash: Buffer, expiresAt: Date): Promise<void>;
  /** Uses the link up; undefined when it is not good (any more) or the person is disabled. */
  redeemReset(hash: Buffer, now: Date): Promise<Person | undefined>;

  /** The open link to set a password ends. */
  removeReset(personId: string): Promise<void>;

  findByIdentity(issuer: string, subject: string): Promise<Person | undefined>;
  addIdentity(issuer: string, subject: string, personId: string): Promise<void>;
  removeIdentities(personId: string): Promise<void>;

  /** Replaces the open invitation of the same address. */
  addInvitation(scope: ProjectScope | null, invitation: NewInvitation): Promise<void>;
  invitations(scope: ProjectScope | null, now: Date): Promise<Page<Resource<'Invitation'>>>;
  /** The address it was for; undefined when there is none. */
  removeInvitation(scope: ProjectScope | null, id: string): Promise<string | undefined>;
  findInvitation(hash: Buffer, now: Date): Promise<FoundInvitation | undefined>;
  /** As `findInvitation`, and it is used up. */
  redeemInvitation(hash: Buffer, now: Date): Promise<FoundInvitation | undefined>;
}

export interface AuthStores {
  readonly auth: AuthStore;
  readonly people: PeopleStore;
  readonly audit: AuditLog;
}

/** argon2id behind a port, because its implementation is native. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}
