/**
 * People: invitations, one-time links to set a password, members and their roles, administrators of the instance.
 * There is no mail server in it: a link is shown once to who makes it, and handed on as he likes.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { normalEmail, personMade, type AuthService, type Caller } from './auth-service.js';
import type { AuthStores, FoundInvitation, NewPerson, PeopleStore, Person } from './ports.js';
import { roleAllows, type ProjectRole } from './roles.js';
import { hashSecret, newSecret } from './secrets.js';

export interface PeopleOptions {
  readonly resetHours: number;
  readonly newId: () => string;
}

/** What whoever has a one-time link sends along. */
export interface Acceptance {
  readonly token: string;
  readonly password?: string | undefined;
  readonly name?: string | undefined;
  /** Who is signed in already. */
  readonly signedInAs?: string | undefined;
  readonly address: string;
}

const HOUR_MS = 3_600_000;
const MIN_PASSWORD = 10;
/** A fragment is not sent to servers, so it stays out of proxies' logs. */
const linkPath = (page: 'invite' | 'reset', token: string): string => `/${page}#${token}`;

export class PeopleService {
  constructor(
    private readonly store: PeopleStore,
    private readonly transact: Transact<AuthStores>,
    private readonly auth: AuthService,
    private readonly options: PeopleOptions,
  ) {}

  /** @throws auth.person-not-found, auth.last-instance-admin */
  async update(caller: Caller, email: string, change: Resource<'PersonPatch'>): Promise<Resource<'Person'>> {
    return await this.transact(async ({ auth, people, audit }) => {
      const admins = await people.lockAdmins();
      const person = await auth.findPerson(normalEmail(email));
      if (!person) throw new FleetError('auth.person-not-found', { email });
      const before = factsOf(person);
      const after = {
        name: change.name ?? before.name,
        isAdmin: change.isAdmin ?? before.isAdmin,
        disabled: change.disabled ?? before.disabled,
        emailProven: change.emailProven ?? before.emailProven,
      };
      const wasAdmin = before.isAdmin && !before.disabled;
      if (wasAdmin && (!after.isAdmin || after.disabled) && admins <= 1)
        throw new FleetError('auth.last-instance-admin', { email: person.email });
      await people.update(person.id, {
        name: after.name,
        instanceAdmin: after.isAdmin,
        ...(after.disabled === before.disabled
          ? {}
          : { disabledAt: after.disabled ? this.auth.now() : null }),
        ...(after.emailProven === before.emailProven
          ? {}
          : { emailProvenAt: after.emailProven ? this.auth.now() : null }),
      });
      if (after.disabled) await people.removeReset(person.id);
      // Accounts elsewhere that whoever made this one has linked do not stay a way in.
      if (change.emailProven === false) await people.removeIdentities(person.id);
      // They would be refused anyway; gone, they do not come back when somebody is enabled again.
      const ended =
        after.disabled && !before.disabled
          ? {
              sessionsEnded: await auth.removeSessionsOf(person.id),
              tokensRevoked: await auth.removeTokensOf(person.id),
            }
          : {};
      await audit.append(null, {
        actor: caller.actor,
        action: 'person.updated',
        target: person.email,
        detail: ended,
        before,
        after,
      });
      return await people.get(person.email);
    });
  }

  /** @throws auth.person-not-found */
  async makeReset(caller: Caller, email: string): Promise<Resource<'OneTimeLink'>> {
    const token = newSecret();
    const expiresAt = new Date(this.auth.now().getTime() + this.options.resetHours * HOUR_MS);
    return await this.transact(async ({ auth, people, audit }) => {
      const person = await auth.findPerson(normalEmail(email));
      if (!person) throw new FleetError('auth.person-not-found', { email });
      await people.replaceReset(person.id, hashSecret(token), expiresAt);
      const after = { expiresAt: expiresAt.toISOString() };
      await audit.append(null, {
        actor: caller.actor,
        action: 'person.reset-made',
        target: person.email,
        after,
      });
      return { email: person.email, path: linkPath('reset', token), expiresAt: expiresAt.toISOString() };
    });
  }

  /** All sessions of the person end. @throws auth.link-invalid, auth.too-many-attempts */
  async redeemReset(token: string, password: string, address: string): Promise<void> {
    const attempt = this.auth.beginAttempt(address);
    const passwordHash = await this.auth.hashPassword(password);
    await this.transact(async ({ auth, people, audit }) => {
      const person = await people.redeemReset(hashSecret(token), this.auth.now());
      if (!person) throw new FleetError('auth.link-invalid');
      await people.update(person.id, { passwordHash });
      const ended = await auth.removeSessionsOf(person.id);
      await audit.append(null, {
        actor: `person:${person.email}`,
        action: 'person.password-reset',
        target: person.email,
        detail: { sessionsEnded: ended },
      });
    });
    this.auth.endAttempt(attempt);
  }

  /**
   * An invitation replaces an open one for the same address. `scope` null: to the instance.
   * @throws auth.member-exists, auth.person-exists
   */
  async invite(
    caller: Caller,
    scope: ProjectScope | null,
    request: { email: string; role?: ProjectRole; isAdmin?: boolean; expiresInHours: number },
  ): Promise<Resource<'InvitationCreated'>> {
    const email = normalEmail(request.email);
    const token = newSecret();
    const createdAt = this.auth.now();
    const invitation = {
      id: this.options.newId(),
      email,
      role: request.role ?? null,
      instanceAdmin: request.isAdmin ?? false,
      createdBy: caller.actor,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + request.expiresInHours * HOUR_MS),
    };
    const shown: Resource<'Invitation'> = {
      id: invitation.id,
      email,
      project: scope?.name ?? null,
      role: invitation.role,
      isAdmin: invitation.instanceAdmin,
      createdBy: invitation.createdBy,
      createdAt: createdAt.toISOString(),
      expiresAt: invitation.expiresAt.toISOString(),
    };
    await this.transact(async ({ auth, people, audit }) => {
      if (scope && (await people.member(scope, email))) throw new FleetError('auth.member-exists', { email });
      if (!scope && (await auth.findPerson(email))) throw new FleetError('auth.person-exists', { email });
      await people.addInvitation(scope, { ...invitation, hash: hashSecret(token) });
      await audit.append(scope, {
        actor: caller.actor,
        action: 'invitation.made',
        target: email,
        after: shown,
      });
    });
    return { ...shown, path: linkPath('invite', token) };
  }

  /** @throws auth.invitation-not-found */
  async revokeInvitation(caller: Caller, scope: ProjectScope | null, id: string): Promise<void> {
    await this.transact(async ({ people, audit }) => {
      const email = await people.removeInvitation(scope, id);
      if (email === undefined) throw new FleetError('auth.invitation-not-found');
      const before = { id, email };
      await audit.append(scope, { actor: caller.actor, action: 'invitation.revoked', target: email, before });
    });
  }

  /** @throws auth.link-invalid, auth.too-many-attempts */
  async preview(token: string, address: string): Promise<Resource<'InvitationPreview'>> {
    const attempt = this.auth.beginAttempt(address);
    const found = await this.store.findInvitation(hashSecret(token), this.auth.now());
    if (!found) throw new FleetError('auth.link-invalid');
    this.auth.endAttempt(attempt);
    return {
      email: found.email,
      project: found.scope?.name ?? null,
      role: found.role,
      isAdmin: found.instanceAdmin,
      hasAccount: (await this.personOf(found.email)) !== undefined,
    };
  }

  /**
   * Makes the account when there is none; whoever has one shows that he is its owner, by his password or by being
   * signed in. @throws auth.link-invalid, auth.bad-password, auth.password-short, auth.too-many-attempts
   */
  async accept(request: Acceptance): Promise<Pick<Person, 'id' | 'email'>> {
    const hash = hashSecret(request.token);
    const linkAttempt = this.auth.beginAttempt(request.address);
    const found = await this.store.findInvitation(hash, this.auth.now());
    if (!found) throw new FleetError('auth.link-invalid');
    this.auth.endAttempt(linkAttempt);
    const known = await this.personOf(found.email);
    const made = known ? undefined : await this.newPerson(found, request);
    if (known && request.signedInAs !== known.id) {
      const attempt = this.auth.beginAttempt(request.address, known.email);
      if (!(await this.auth.isPasswordOf(known, request.password ?? '')))
        throw new FleetError('auth.bad-password');
      this.auth.endAttempt(attempt);
    }
    const person = known ?? made;
    if (!person || known?.disabledAt) throw new FleetError('auth.link-invalid');
    const actor = `person:${person.email}`;
    await this.transact(async ({ people, audit }) => {
      const used = await people.redeemInvitation(hash, this.auth.now());
      if (!used) throw new FleetError('auth.link-invalid');
      if (made) {
        await people.add(made);
        await audit.append(null, personMade(made, actor));
      } else if (used.instanceAdmin) await people.update(person.id, { instanceAdmin: true });
      await this.join(people, used, person);
      await audit.append(used.scope, {
        actor,
        action: 'invitation.accepted',
        target: person.email,
        after: { role: used.role, isAdmin: used.instanceAdmin },
      });
    });
    return person;
  }

  /**
   * Changes a member's role; an administrator of the instance may make a member of anybody with an account.
   * @throws auth.member-not-found, auth.last-admin
   */
  async putMember(
    caller: Caller,
    scope: ProjectScope,
    email: string,
    role: ProjectRole,
  ): Promise<Resource<'Member'>> {
    const normal = normalEmail(email);
    return await this.transact(async ({ auth, people, audit }) => {
      await people.lockMembers(scope);
      const member = await people.member(scope, normal);
      const person = member ?? (caller.isAdmin ? await auth.findPerson(normal) : undefined);
      if (!person) throw new FleetError('auth.member-not-found', { email });
      if (member?.role === 'admin' && role !== 'admin') await requireOtherAdmin(people, scope, member);
      const personId = member?.personId ?? (person as Person).id;
      await people.putMember(scope, personId, role);
      await audit.append(scope, {
        actor: caller.actor,
        action: member ? 'member.updated' : 'member.added',
        target: normal,
        ...(member ? { before: { role: member.role } } : {}),
        after: { role },
      });
      return withoutId((await people.member(scope, normal)) ?? fail(normal));
    });
  }

  /** @throws auth.member-not-found, auth.last-admin */
  async removeMember(caller: Caller, scope: ProjectScope, email: string): Promise<void> {
    const normal = normalEmail(email);
    await this.transact(async ({ people, audit }) => {
      await people.lockMembers(scope);
      const member = await people.member(scope, normal);
      if (!member) throw new FleetError('auth.member-not-found', { email });
      if (member.role === 'admin') await requireOtherAdmin(people, scope, member);
      await people.removeMember(scope, member.personId);
      const before = { role: member.role };
      await audit.append(scope, { actor: caller.actor, action: 'member.removed', target: normal, before });
    });
  }

  private async personOf(email: string): Promise<Person | undefined> {
    return await this.transact(async ({ auth }) => await auth.findPerson(email));
  }

  private async newPerson(invitation: FoundInvitation, { password, name }: Acceptance): Promise<NewPerson> {
    if (password === undefined || password.length < MIN_PASSWORD)
      throw new FleetError('auth.password-short', { characters: MIN_PASSWORD });
    return {
      id: this.options.newId(),
      email: invitation.email,
      name: name ?? invitation.email,
      passwordHash: await this.auth.hashPassword(password),
      instanceAdmin: invitation.instanceAdmin,
      // The link was handed on by whoever made it, who may have kept it.
      emailProvenAt: null,
    };
  }

  /** A member keeps the greater role: an invitation never takes away. */
  private async join(
    people: PeopleStore,
    { scope, role }: FoundInvitation,
    person: Pick<Person, 'id' | 'email'>,
  ): Promise<void> {
    if (!scope || role === null) return;
    await people.lockMembers(scope);
    const member = await people.member(scope, person.email);
    if (!member || !roleAllows(member.role, role)) await people.putMember(scope, person.id, role);
  }
}

/** @throws auth.last-admin */
async function requireOtherAdmin(
  people: PeopleStore,
  scope: ProjectScope,
  member: Resource<'Member'>,
): Promise<void> {
  const admins = await people.countAdmins(scope);
  if (admins - (member.disabled ? 0 : 1) < 1)
    throw new FleetError('auth.last-admin', { email: member.email });
}

const factsOf = ({ name, instanceAdmin, disabledAt, emailProvenAt }: Person) => ({
  name,
  isAdmin: instanceAdmin,
  disabled: disabledAt !== null,
  emailProven: emailProvenAt !== null,
});
const withoutId = ({
  personId: _,
  ...member
}: Resource<'Member'> & { personId: string }): Resource<'Member'> => member;
function fail(email: string): never {
  throw new FleetError('auth.member-not-found', { email });
}
