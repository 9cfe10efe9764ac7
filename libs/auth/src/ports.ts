/** What accounts and tokens need from outside. Implemented by @tinyfleet/storage (store) and the server (passwords). */
import type { AuditLog, Page, Resource } from '@tinyfleet/contracts';
import type { ProjectRole } from './roles.js';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly instanceAdmin: boolean;
}

/** A session or API token that was found by its hash. */
export interface Credential {
  /** Null: the instance's own token of the CLI context. */
  readonly person: Pick<Person, 'id' | 'email' | 'instanceAdmin'> | null;
  readonly via: 'session' | 'token';
  /** Of an API token. */
  readonly tokenName: string | null;
  /** The most a token allows; null = all its person may. */
  readonly role: ProjectRole | null;
  /** The only project a token is for; null = every project. */
  readonly projectId: string | null;
  readonly expiresAt: Date | null;
}

export interface NewToken {
  readonly personId: string | null;
  readonly name: string;
  readonly hash: Buffer;
  readonly prefix: string;
  readonly role: ProjectRole;
}

export interface AuthStore {
  hasPerson(): Promise<boolean>;
  findPerson(email: string): Promise<Person | undefined>;
  /** Uses up the setup link and makes the first administrator, or says why not; all or nothing. */
  redeemSetupLink(hash: Buffer, person: Person, now: Date): Promise<'made' | 'link-invalid' | 'done'>;
  /** Makes the first administrator without a link; false when there is one. */
  addFirstPerson(person: Person): Promise<boolean>;
  /** The newest link replaces all others. */
  replaceSetupLink(hash: Buffer, expiresAt: Date): Promise<void>;

  addSession(hash: Buffer, personId: string, expiresAt: Date): Promise<void>;
  findSession(hash: Buffer, now: Date): Promise<Credential | undefined>;
  removeSession(hash: Buffer): Promise<void>;
  removeExpired(now: Date): Promise<void>;

  /** @throws auth.token-exists */
  addToken(token: NewToken): Promise<void>;
  /** Also notes the use, at most once a minute. */
  findToken(hash: Buffer, now: Date): Promise<Credential | undefined>;
  listTokens(personId: string | null): Promise<Page<Resource<'ApiToken'>>>;
  /** False when there is none of that name. */
  removeToken(personId: string | null, name: string): Promise<boolean>;
  /** The instance's own token: replaced as a whole. */
  replaceInstanceToken(token: NewToken): Promise<void>;

  roleIn(personId: string, projectId: string): Promise<ProjectRole | undefined>;
  projectsOf(personId: string | null): Promise<{ name: string; role: ProjectRole }[]>;
}

export interface AuthStores {
  readonly auth: AuthStore;
  readonly audit: AuditLog;
}

/** argon2id behind a port, because its implementation is native. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}
