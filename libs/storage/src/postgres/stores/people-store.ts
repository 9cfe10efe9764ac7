/** People, memberships, invitations, one-time links to set a password, and accounts at OpenID providers. */
import type {
  FoundInvitation,
  NewInvitation,
  NewPerson,
  PeopleStore,
  Person,
  ProjectRole,
} from '@tinyfleet/auth';
import {
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, iso, isoOrNull, toPage } from './page.js';

export class PgPeopleStore implements PeopleStore {
  constructor(private readonly db: Db) {}

  async list(query: PageRequest & { text?: string | undefined }): Promise<Page<Resource<'Person'>>> {
    const rows = await this.db.query<ListedPersonRow>(namedQuery('access/people'), [
      null,
      query.text ?? null,
      cursorKey(query)?.[0] ?? null,
      query.limit + 1,
    ]);
    return toPage(rows, query.limit, (row) => [row.email], toListedPerson);
  }

  async get(email: string): Promise<Resource<'Person'>> {
    const [row] = await this.db.query<ListedPersonRow>(namedQuery('access/people'), [email, null, null, 1]);
    if (!row) throw new FleetError('auth.person-not-found', { email });
    return toListedPerson(row);
  }

  async add(person: NewPerson): Promise<void> {
    try {
      await this.db.manager.getRepository(entities.Person).insert(person);
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('auth.person-exists', { email: person.email }) : error;
    }
  }

  async update(id: string, change: Parameters<PeopleStore['update']>[1]): Promise<void> {
    await this.db.manager.getRepository(entities.Person).update({ id }, change);
  }

  async lockAdmins(): Promise<number> {
    const rows = await this.db.query(
      `select id from person where instance_admin and disabled_at is null order by id for update`,
    );
    return rows.length;
  }

  async replaceReset(personId: string, hash: Buffer, expiresAt: Date): Promise<void> {
    await this.db.query(
      `insert into password_reset (person_id, token_hash, expires_at) values ($1, $2, $3)
       on conflict (person_id) do update set token_hash = excluded.token_hash, expires_at = excluded.expires_at`,
      [personId, hash, expiresAt],
    );
  }

  async redeemReset(hash: Buffer, now: Date): Promise<Person | undefined> {
    const [row] = await this.db.query<PersonRow>(
      `with used as (delete from password_reset where token_hash = $1 and expires_at > $2 returning person_id)
       select ${PERSON_COLUMNS} from used join person p on p.id = used.person_id where p.disabled_at is null`,
      [hash, now],
    );
    return row && toPerson(row);
  }

  async removeReset(personId: string): Promise<void> {
    await this.db.execute('delete from password_reset where person_id = $1', [personId]);
  }

  async findByIdentity(issuer: string, subject: string): Promise<Person | undefined> {
    const [row] = await this.db.query<PersonRow>(
      `select ${PERSON_COLUMNS} from person_identity i join person p on p.id = i.person_id
       where i.issuer = $1 and i.subject = $2`,
      [issuer, subject],
    );
    return row && toPerson(row);
  }

  async addIdentity(issuer: string, subject: string, personId: string): Promise<void> {
    await this.db.query('insert into person_identity (issuer, subject, person_id) values ($1, $2, $3)', [
      issuer,
      subject,
      personId,
    ]);
  }

  async removeIdentities(personId: string): Promise<void> {
    await this.db.execute('delete from person_identity where person_id = $1', [personId]);
  }

  async members(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Member'>>> {
    const rows = await this.db.query<MemberRow>(
      `select ${MEMBER_COLUMNS} from person p left join member m on m.person_id = p.id and m.project_id = $1
       where (m.project_id is not null or (p.instance_admin and p.disabled_at is null))
         and ($2::text is null or p.email > $2) order by p.email limit $3`,
      [scope.id, cursorKey(page)?.[0] ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.email], toMember);
  }

  async lockMembers(scope: ProjectScope): Promise<void> {
    await this.db.query('select from project where id = $1 for no key update', [scope.id]);
  }

  async member(
    scope: ProjectScope,
    email: string,
  ): Promise<(Resource<'Member'> & { personId: string }) | undefined> {
    const [row] = await this.db.query<MemberRow & { id: string }>(
      `select p.id, ${MEMBER_COLUMNS} from member m join person p on p.id = m.person_id
       where m.project_id = $1 and p.email = $2`,
      [scope.id, email],
    );
    return row && { ...toMember(row), personId: row.id };
  }

  async putMember(scope: ProjectScope, personId: string, role: ProjectRole): Promise<void> {
    await this.db.query(
      `insert into member (project_id, person_id, role) values ($1, $2, $3)
       on conflict (project_id, person_id) do update set role = excluded.role`,
      [scope.id, personId, role],
    );
  }

  async removeMember(scope: ProjectScope, personId: string): Promise<void> {
    await this.db.execute('delete from member where project_id = $1 and person_id = $2', [
      scope.id,
      personId,
    ]);
  }

  async countAdmins(scope: ProjectScope): Promise<number> {
    const [row] = await this.db.query<{ n: number }>(
      `select count(*)::int as n from member m join person p on p.id = m.person_id
       where m.project_id = $1 and m.role = 'admin' and p.disabled_at is null`,
      [scope.id],
    );
    return row?.n ?? 0;
  }

  async addInvitation(scope: ProjectScope | null, invitation: NewInvitation): Promise<void> {
    const { id, hash, email, role, instanceAdmin, createdBy, createdAt, expiresAt } = invitation;
    await this.db.query(
      `insert into invitation (id, token_hash, email, project_id, role, instance_admin, created_by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict on constraint invitation_email_key do update set id = excluded.id, token_hash = excluded.token_hash,
         role = excluded.role, instance_admin = excluded.instance_admin, created_by = excluded.created_by,
         created_at = excluded.created_at, expires_at = excluded.expires_at`,
      [id, hash, email, scope?.id ?? null, role, instanceAdmin, createdBy, createdAt, expiresAt],
    );
  }

  async invitations(scope: ProjectScope | null, now: Date): Promise<Page<Resource<'Invitation'>>> {
    const rows = await this.db.query<InvitationRow>(
      `select ${INVITATION_COLUMNS} where i.project_id is not distinct from $1 and i.expires_at > $2
       order by i.email limit 500`,
      [scope?.id ?? null, now],
    );
    const items = rows.map((row) => ({
      id: row.id,
      email: row.email,
      project: row.project,
      role: row.role,
      isAdmin: row.instance_admin,
      createdBy: row.created_by,
      createdAt: iso(row.created_at),
      expiresAt: iso(row.expires_at),
    }));
    return { items, nextCursor: null };
  }

  async removeInvitation(scope: ProjectScope | null, id: string): Promise<string | undefined> {
    const [row] = await this.db.query<{ email: string }>(
      'delete from invitation where project_id is not distinct from $1 and id = $2 returning email',
      [scope?.id ?? null, id],
    );
    return row?.email;
  }

  async findInvitation(hash: Buffer, now: Date): Promise<FoundInvitation | undefined> {
    const [row] = await this.db.query<InvitationRow>(
      `select ${INVITATION_COLUMNS} where i.token_hash = $1 and i.expires_at > $2`,
      [hash, now],
    );
    return row && toFound(row);
  }

  async redeemInvitation(hash: Buffer, now: Date): Promise<FoundInvitation | undefined> {
    const found = await this.findInvitation(hash, now);
    // Of two at once one deletes the row; the other waits for it and then has nothing to delete.
    const used = found
      ? await this.db.execute('delete from invitation where id = $1 and token_hash = $2', [found.id, hash])
      : 0;
    return used > 0 ? found : undefined;
  }
}

interface PersonRow {
  id: string;
  email: string;
  name: string;
  password_hash: string | null;
  instance_admin: boolean;
  disabled_at: Date | null;
  email_proven_at: Date | null;
}
const PERSON_COLUMNS =
  'p.id, p.email, p.name, p.password_hash, p.instance_admin, p.disabled_at, p.email_proven_at';
const toPerson = (row: PersonRow): Person => ({
  id: row.id,
  email: row.email,
  name: row.name,
  passwordHash: row.password_hash,
  instanceAdmin: row.instance_admin,
  disabledAt: row.disabled_at,
  emailProvenAt: row.email_proven_at,
});

interface ListedPersonRow {
  email: string;
  name: string;
  instance_admin: boolean;
  created_at: Date;
  last_login_at: Date | null;
  disabled_at: Date | null;
  email_proven_at: Date | null;
  has_password: boolean;
  providers: string[];
  projects: { name: string; role: ProjectRole }[];
}
const toListedPerson = (row: ListedPersonRow): Resource<'Person'> => ({
  email: row.email,
  name: row.name,
  isAdmin: row.instance_admin,
  createdAt: iso(row.created_at),
  lastLoginAt: isoOrNull(row.last_login_at),
  disabledAt: isoOrNull(row.disabled_at),
  emailProvenAt: isoOrNull(row.email_proven_at),
  hasPassword: row.has_password,
  providers: row.providers,
  projects: row.projects,
});

interface MemberRow {
  email: string;
  name: string;
  role: ProjectRole | null;
  instance_admin: boolean;
  last_login_at: Date | null;
  disabled_at: Date | null;
}
const MEMBER_COLUMNS = 'p.email, p.name, m.role, p.instance_admin, p.last_login_at, p.disabled_at';
const toMember = (row: MemberRow): Resource<'Member'> => ({
  email: row.email,
  name: row.name,
  role: row.role ?? 'admin',
  isMember: row.role !== null,
  isAdmin: row.instance_admin,
  lastLoginAt: isoOrNull(row.last_login_at),
  disabled: row.disabled_at !== null,
});

interface InvitationRow {
  id: string;
  email: string;
  project_id: string | null;
  project: string | null;
  role: ProjectRole | null;
  instance_admin: boolean;
  created_by: string;
  created_at: Date;
  expires_at: Date;
}
const INVITATION_COLUMNS = `i.id, i.email, i.project_id, p.name as project, i.role, i.instance_admin, i.created_by,
  i.created_at, i.expires_at from invitation i left join project p on p.id = i.project_id`;
const toFound = (row: InvitationRow): FoundInvitation => ({
  id: row.id,
  email: row.email,
  role: row.role,
  instanceAdmin: row.instance_admin,
  scope: row.project_id === null ? null : projectScope(row.project_id, row.project ?? ''),
});
