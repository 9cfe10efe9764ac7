/** Accounts, sessions, setup links and API tokens. */
import type { AuthStore, Credential, NewToken, Person, ProjectRole } from '@tinyfleet/auth';
import type { Page, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
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

  async redeemSetupLink(hash: Buffer, person: Person, now: Date): Promise<'made' | 'link-invalid' | 'done'> {
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

  async addFirstPerson(person: Person): Promise<boolean> {
    await this.db.query('lock table person in share row exclusive mode');
    if (await this.hasPerson()) return false;
    await this.insertPerson(person);
    await this.db.execute('delete from setup_link');
    return true;
  }

  private async insertPerson(person: Person): Promise<void> {
    await this.db.manager.getRepository(entities.Person).insert({ ...person, name: person.email });
  }

  async replaceSetupLink(hash: Buffer, expiresAt: Date): Promise<void> {
    await this.db.query(
      `with gone as (delete from setup_link) insert into setup_link (token_hash, expires_at) values ($1, $2)`,
      [hash, expiresAt],
    );
  }

  async addSession(hash: Buffer, personId: string, expiresAt: Date): Promise<void> {
    await this.db.manager.getRepository(entities.Session).insert({ idHash: hash, personId, expiresAt });
  }

  async findSession(hash: Buffer, now: Date): Promise<Credential | undefined> {
    const [row] = await this.db.query<PersonRow & { expires_at: Date }>(
      `select p.id, p.email, p.instance_admin, s.expires_at from session s join person p on p.id = s.person_id
       where s.id_hash = $1 and s.expires_at > $2`,
      [hash, now],
    );
    return (
      row && {
        person: toPerson(row),
        via: 'session',
        tokenName: null,
        role: null,
        projectId: null,
        expiresAt: row.expires_at,
      }
    );
  }

  async removeSession(hash: Buffer): Promise<void> {
    await this.db.execute('delete from session where id_hash = $1', [hash]);
  }

  async removeExpired(now: Date): Promise<void> {
    await this.db.execute('delete from session where expires_at <= $1', [now]);
  }

  async addToken(token: NewToken): Promise<void> {
    // Names are unique per person; the person's row serializes makers of the same name.
    const [taken] = await this.db.query(
      'select from api_token where person_id is not distinct from $1 and name = $2',
      [token.personId, token.name],
    );
    if (taken) throw new FleetError('auth.token-exists', { name: token.name });
    await this.db.manager.getRepository(entities.ApiToken).insert(toTokenRow(token));
  }

  async findToken(hash: Buffer, now: Date): Promise<Credential | undefined> {
    const [row] = await this.db.query<
      Partial<PersonRow> & {
        token_id: string;
        name: string;
        role: ProjectRole;
        project_id: string | null;
        expires_at: Date | null;
        stale: boolean;
      }
    >(
      `select p.id, p.email, p.instance_admin, t.id as token_id, t.name, t.role, t.project_id, t.expires_at,
         (t.last_used_at is null or t.last_used_at < $2::timestamptz - interval '1 minute') as stale
       from api_token t left join person p on p.id = t.person_id
       where t.token_hash = $1 and (t.expires_at is null or t.expires_at > $2)`,
      [hash, now],
    );
    if (!row) return undefined;
    if (row.stale)
      await this.db.execute('update api_token set last_used_at = $2 where id = $1', [row.token_id, now]);
    return {
      person: row.id ? toPerson(row as PersonRow) : null,
      via: 'token',
      tokenName: row.name,
      role: row.role,
      projectId: row.project_id,
      expiresAt: row.expires_at,
    };
  }

  async listTokens(personId: string | null): Promise<Page<Resource<'ApiToken'>>> {
    const rows = await this.db.query<{
      name: string;
      prefix: string;
      created_at: Date;
      last_used_at: Date | null;
    }>(
      `select name, prefix, created_at, last_used_at from api_token
       where person_id is not distinct from $1 order by name`,
      [personId],
    );
    const items = rows.map((row) => ({
      name: row.name,
      prefix: row.prefix,
      createdAt: iso(row.created_at),
      lastUsedAt: isoOrNull(row.last_used_at),
    }));
    return { items, nextCursor: null };
  }

  async removeToken(personId: string | null, name: string): Promise<boolean> {
    const removed = await this.db.execute(
      'delete from api_token where person_id is not distinct from $1 and name = $2',
      [personId, name],
    );
    return removed > 0;
  }

  async replaceInstanceToken(token: NewToken): Promise<void> {
    const { id, tokenHash, name, prefix, role } = toTokenRow(token);
    await this.db.query(
      `with gone as (delete from api_token where person_id is null and name = $3)
       insert into api_token (id, token_hash, name, prefix, role) values ($1, $2, $3, $4, $5)`,
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
  instance_admin: boolean;
}
const toPerson = (row: PersonRow) => ({ id: row.id, email: row.email, instanceAdmin: row.instance_admin });
const toTokenRow = ({ personId, name, hash, prefix, role }: NewToken) => ({
  id: uuidv7(),
  tokenHash: hash,
  personId,
  name,
  prefix,
  role,
});
