/** Signing in: sessions, setup links and API tokens. A disabled person's secrets find nothing. */
import type {
  AuthStore,
  CliLogin,
  Credential,
  NewCliLogin,
  NewPerson,
  NewSession,
  NewToken,
  Person,
  ProjectRole,
} from '@tinyfleet/auth';
import type { Page, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { iso, isoOrNull } from './page.js';

export class PgAuthStore implements AuthStore {
  constructor(private readonly db: Db) {}

  async hasPerson(): Promise<boolean> {
    const [row] = await this.db.query<{ found: boolean }>('select exists (select from person) as found');
    return row?.found ?? false;
  }

  async findPerson(email: string): Promise<Person | undefined> {
    return (await this.db.manager.getRepository(entities.Person).findOneBy({ email })) ?? undefined;
  }

  async redeemSetupLink(
    hash: Buffer,
    person: NewPerson,
    now: Date,
  ): Promise<'made' | 'link-invalid' | 'done'> {
    // The lock makes two redeemers take turns, so that there is one first administrator.
    await this.db.query('lock table person in share row exclusive mode');
    if (await this.hasPerson()) return 'done';
    const used = await this.db.execute('delete from setup_link where token_hash = $1 and expires_at > $2', [
      hash,
      now,
    ]);
    if (used === 0) return 'link-invalid';
    await this.insertPerson(person);
    await this.db.execute('delete from setup_link');
    return 'made';
  }

  async addFirstPerson(person: NewPerson): Promise<boolean> {
    await this.db.query('lock table person in share row exclusive mode');
    if (await this.hasPerson()) return false;
    await this.insertPerson(person);
    await this.db.execute('delete from setup_link');
    return true;
  }

  private async insertPerson(person: NewPerson): Promise<void> {
    await this.db.manager.getRepository(entities.Person).insert(person);
  }

  async replaceSetupLink(hash: Buffer, expiresAt: Date): Promise<void> {
    await this.db.query(
      `with gone as (delete from setup_link) insert into setup_link (token_hash, expires_at) values ($1, $2)`,
      [hash, expiresAt],
    );
  }

  async addSession({ hash, ...session }: NewSession): Promise<void> {
    await this.db.manager.getRepository(entities.Session).insert({ ...session, idHash: hash, id: uuidv7() });
    await this.db.execute('update person set last_login_at = now() where id = $1', [session.personId]);
  }

  async findSession(hash: Buffer, now: Date, idleSince: Date, isUse = true): Promise<Credential | undefined> {
    const [row] = await this.db.query<PersonRow & { session_id: string; expires_at: Date; stale: boolean }>(
      `select p.id, p.email, p.name, p.instance_admin, s.id as session_id, s.expires_at,
         s.last_used_at < $2::timestamptz - interval '1 minute' as stale
       from session s join person p on p.id = s.person_id
       where s.id_hash = $1 and s.expires_at > $2 and s.last_used_at > $3 and p.disabled_at is null`,
      [hash, now, idleSince],
    );
    if (!row) return undefined;
    if (isUse && row.stale)
      await this.db.execute('update session set last_used_at = $2 where id_hash = $1', [hash, now]);
    return {
      person: toPerson(row),
      via: 'session',
      id: row.session_id,
      token: null,
      expiresAt: row.expires_at,
    };
  }

  async listSessions(personId: string, idleSince: Date): Promise<Resource<'LoginSession'>[]> {
    const rows = await this.db.query<{
      id: string;
      kind: 'browser' | 'cli';
      name: string | null;
      created_at: Date;
      last_used_at: Date;
      expires_at: Date;
      via: 'password' | 'oidc' | 'link';
      address: string | null;
      user_agent: string | null;
    }>(
      `select id, 'browser' as kind, null as name, created_at, last_used_at, expires_at, via, address, user_agent
       from session where person_id = $1 and expires_at > now() and last_used_at > $2
       union all
       select id, 'cli', name, created_at, coalesce(last_used_at, created_at), expires_at, login_via, address, user_agent
       from api_token where person_id = $1 and expires_at > now() and login_via is not null
       order by created_at desc limit 500`,
      [personId, idleSince],
    );
    return rows.map((row) => ({
      id: row.id,
      kind: row.kind,
      name: row.name,
      createdAt: iso(row.created_at),
      lastUsedAt: iso(row.last_used_at),
      expiresAt: iso(row.expires_at),
      via: row.via,
      address: row.address,
      userAgent: row.user_agent,
      isCurrent: false,
    }));
  }

  async removeSession(hash: Buffer): Promise<void> {
    await this.db.execute('delete from session where id_hash = $1', [hash]);
  }

  async removeSessionById(personId: string, id: string): Promise<boolean> {
    const args = [personId, id];
    const ended =
      (await this.db.execute('delete from session where person_id = $1 and id = $2', args)) +
      (await this.db.execute(`delete from api_token where person_id = $1 and id = $2 and ${IS_LOGIN}`, args));
    return ended > 0;
  }

  async removeSessionsOf(personId: string, exceptId?: string): Promise<number> {
    const others = 'person_id = $1 and ($2::uuid is null or id <> $2::uuid)';
    const args = [personId, exceptId ?? null];
    // A code that nobody has redeemed yet would become a session after the others have ended.
    await this.db.execute('delete from cli_login where person_id = $1', [personId]);
    return (
      (await this.db.execute(`delete from session where ${others}`, args)) +
      (await this.db.execute(`delete from api_token where ${others} and ${IS_LOGIN}`, args))
    );
  }

  async removeExpired(now: Date, idleSince: Date): Promise<void> {
    await this.db.execute('delete from session where expires_at <= $1 or last_used_at <= $2', [
      now,
      idleSince,
    ]);
    await this.db.execute('delete from cli_login where expires_at <= $1', [now]);
    await this.db.execute(`delete from api_token where expires_at <= $1 and ${IS_LOGIN}`, [now]);
  }

  async addCliLogin(sessionId: string, login: NewCliLogin): Promise<void> {
    const { hash, challenge, machine, tokenDays, expiresAt } = login;
    await this.db.execute(
      `insert into cli_login (code_hash, challenge, person_id, machine, login_via, token_days, expires_at)
       select $2, $3, person_id, $4, via, $5, $6 from session where id = $1`,
      [sessionId, hash, challenge, machine, tokenDays, expiresAt],
    );
  }

  async takeCliLogin(hash: Buffer, now: Date): Promise<CliLogin | undefined> {
    const [row] = await this.db.query<Omit<CliLogin, 'person'> & { id: string; email: string }>(
      `with taken as (delete from cli_login where code_hash = $1 returning *)
       select t.challenge, t.machine, t.token_days as "tokenDays", t.login_via as via, p.id, p.email
       from taken t join person p on p.id = t.person_id where t.expires_at > $2 and p.disabled_at is null`,
      [hash, now],
    );
    if (!row) return undefined;
    const { id, email, ...login } = row;
    return { ...login, person: { id, email } };
  }

  async addToken(token: NewToken, limit: number): Promise<void> {
    if (token.personId !== null)
      await this.db.query('select from person where id = $1 for update', [token.personId]);
    const [owned] = await this.db.query<{ n: number }>(
      `select count(*)::int as n from api_token
       where person_id is not distinct from $1 and (${IS_LOGIN}) = $2 and (expires_at is null or expires_at > now())`,
      [token.personId, token.loginVia !== null],
    );
    if ((owned?.n ?? 0) >= limit) throw new FleetError('auth.token-limit', { limit });
    try {
      await this.db.manager.getRepository(entities.ApiToken).insert(toTokenRow(token));
    } catch (error) {
      throw isDuplicate(error, 'api_token_name_key')
        ? new FleetError('auth.token-exists', { name: token.name })
        : error;
    }
  }

  async findToken(hash: Buffer, now: Date, isUse = true): Promise<Credential | undefined> {
    const [row] = await this.db.query<FoundTokenRow>(
      `select p.id, p.email, p.name as person_name, p.instance_admin, t.id as token_id, t.name, t.role, t.project_id,
         pr.name as project, t.areas, t.read_only, t.expires_at,
         (t.last_used_at is null or t.last_used_at < $2::timestamptz - interval '1 minute') as stale
       from api_token t left join person p on p.id = t.person_id left join project pr on pr.id = t.project_id
       where t.token_hash = $1 and (t.expires_at is null or t.expires_at > $2) and p.disabled_at is null`,
      [hash, now],
    );
    if (!row) return undefined;
    if (isUse && row.stale)
      await this.db.execute('update api_token set last_used_at = $2 where id = $1', [row.token_id, now]);
    const { id, email, person_name: name, instance_admin: instanceAdmin } = row;
    return {
      person:
        id === null
          ? null
          : { id, email: email ?? '', name: name ?? '', instanceAdmin: instanceAdmin ?? false },
      via: 'token',
      id: row.token_id,
      token: {
        name: row.name,
        role: row.role,
        project: row.project_id === null ? null : { id: row.project_id, name: row.project ?? '' },
        areas: row.areas,
        readOnly: row.read_only,
      },
      expiresAt: row.expires_at,
    };
  }

  async listTokens(personId: string | null): Promise<Page<Resource<'ApiToken'>>> {
    const rows = await this.db.query<TokenRow>(
      `select ${TOKEN_COLUMNS} from api_token t left join project p on p.id = t.project_id
       where t.person_id is not distinct from $1 and t.login_via is null order by t.name`,
      [personId],
    );
    return { items: rows.map(toToken), nextCursor: null };
  }

  async removeToken(personId: string | null, name: string): Promise<Resource<'ApiToken'> | undefined> {
    const [row] = await this.db.query<TokenRow>(
      `with t as (delete from api_token where person_id is not distinct from $1 and name = $2 returning *)
       select ${TOKEN_COLUMNS} from t left join project p on p.id = t.project_id`,
      [personId, name],
    );
    return row && toToken(row);
  }

  async removeTokensOf(personId: string): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      'delete from api_token where person_id = $1 returning name',
      [personId],
    );
    return rows.map(({ name }) => name);
  }

  async replaceInstanceToken(token: NewToken): Promise<void> {
    const { id, tokenHash, name, prefix, role } = toTokenRow(token);
    // Two statements: one would meet the name of the row that it deletes.
    await this.db.execute('delete from api_token where person_id is null and name = $1', [name]);
    await this.db.query(
      `insert into api_token (id, token_hash, name, prefix, role) values ($1, $2, $3, $4, $5)
       on conflict on constraint api_token_name_key
       do update set id = excluded.id, token_hash = excluded.token_hash, prefix = excluded.prefix`,
      [id, tokenHash, name, prefix, role],
    );
  }

  async roleIn(personId: string, projectId: string): Promise<ProjectRole | undefined> {
    const row = await this.db.manager.getRepository(entities.Member).findOneBy({ personId, projectId });
    return row?.role as ProjectRole | undefined;
  }

  async projectsOf(personId: string | null): Promise<{ name: string; role: ProjectRole }[]> {
    return await this.db.query(
      personId === null
        ? `select name, 'admin' as role from project order by name limit 500`
        : `select p.name, m.role from member m join project p on p.id = m.project_id where m.person_id = $1 order by p.name limit 500`,
      personId === null ? [] : [personId],
    );
  }
}

interface PersonRow {
  id: string;
  email: string;
  name: string;
  instance_admin: boolean;
}
interface FoundTokenRow {
  id: string | null;
  email: string | null;
  person_name: string | null;
  instance_admin: boolean | null;
  token_id: string;
  name: string;
  role: ProjectRole;
  project_id: string | null;
  project: string | null;
  areas: string[] | null;
  read_only: boolean;
  expires_at: Date | null;
  stale: boolean;
}
interface TokenRow {
  name: string;
  prefix: string;
  role: ProjectRole;
  project: string | null;
  areas: string[] | null;
  read_only: boolean;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}
/** A token that the command line got by signing in: a session to its person. */
const IS_LOGIN = 'login_via is not null';
const TOKEN_COLUMNS = `t.name, t.prefix, t.role, p.name as project, t.areas, t.read_only, t.created_at, t.expires_at, t.last_used_at`;

const toToken = (row: TokenRow): Resource<'ApiToken'> => ({
  name: row.name,
  prefix: row.prefix,
  role: row.role,
  project: row.project,
  areas: row.areas,
  readOnly: row.read_only,
  createdAt: iso(row.created_at),
  expiresAt: isoOrNull(row.expires_at),
  lastUsedAt: isoOrNull(row.last_used_at),
});
const toPerson = (row: PersonRow) => ({
  id: row.id,
  email: row.email,
  name: row.name,
  instanceAdmin: row.instance_admin,
});
const toTokenRow = ({ hash, areas, ...token }: NewToken) => ({
  ...token,
  id: uuidv7(),
  tokenHash: hash,
  areas: areas === null ? null : [...areas],
});
