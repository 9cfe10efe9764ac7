/**
 * Signing in with an account elsewhere (OpenID Connect): which person it is. The provider's (issuer, subject) is the
 * identity; the first time its verified e-mail address leads to an account whose address is proven, or makes one when that is
 * wanted. An account that somebody else may have made for the address is linked by who is signed in to it only.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { normalEmail, personMade } from './auth-service.js';
import type { AuthStores, Person } from './ports.js';
import type { ProjectRole } from './roles.js';

/** What the provider said, its signature verified. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly name: string | undefined;
}

export interface IdentityOptions {
  /** Make an account for an address that has none. */
  readonly provision: boolean;
  /** Where a made account becomes a member; without it, nowhere. */
  readonly member?: { readonly scope: () => Promise<ProjectScope>; readonly role: ProjectRole } | undefined;
  readonly newId: () => string;
}

export class IdentityService {
  constructor(
    private readonly transact: Transact<AuthStores>,
    private readonly options: IdentityOptions,
  ) {}

  /** @throws auth.oidc-email-unverified, auth.oidc-no-account, auth.oidc-account-unproven */
  async personOf(identity: Identity): Promise<Person> {
    const { issuer, subject } = identity;
    return await this.transact(async ({ auth, people, audit }) => {
      const known = await people.findByIdentity(issuer, subject);
      if (known) return enabled(known);
      // In small letters the Kelvin sign is a k: an address beyond ASCII would become somebody else's.
      const isPlain = /^[\x21-\x7e]+$/.test(identity.email ?? '');
      if (identity.email === undefined || !identity.isEmailVerified || !isPlain)
        throw new FleetError('auth.oidc-email-unverified');
      const email = normalEmail(identity.email);
      const actor = `person:${email}`;
      let person = await auth.findPerson(email);
      if (person) {
        if (enabled(person).emailProvenAt === null)
          throw new FleetError('auth.oidc-account-unproven', { email });
      } else {
        if (!this.options.provision) throw new FleetError('auth.oidc-no-account', { email });
        const made = {
          id: this.options.newId(),
          email,
          name: (identity.name ?? email).slice(0, 120),
          passwordHash: null,
          instanceAdmin: false,
          emailProvenAt: new Date(),
        };
        await people.add(made);
        await audit.append(null, personMade(made, actor));
        person = { ...made, disabledAt: null };
        const { member } = this.options;
        if (member) {
          const scope = await member.scope();
          await people.putMember(scope, person.id, member.role);
          const after = { role: member.role };
          await audit.append(scope, { actor, action: 'member.added', target: email, after });
        }
      }
      await people.addIdentity(issuer, subject, person.id);
      await audit.append(null, identityAdded(email, identity));
      return person;
    });
  }

  /**
   * Lets an identity lead to the account of who is signed in, whatever address it has; the account's own, verified, is proven by it.
   * @throws auth.oidc-identity-taken, auth.oidc-no-account
   */
  async link(identity: Identity, account: Pick<Person, 'id' | 'email'>): Promise<void> {
    const { issuer, subject } = identity;
    await this.transact(async ({ auth, people, audit }) => {
      const person = await auth.findPerson(account.email);
      if (person?.id !== account.id) throw new FleetError('auth.oidc-no-account', { email: account.email });
      enabled(person);
      const known = await people.findByIdentity(issuer, subject);
      if (known && known.id !== person.id) throw new FleetError('auth.oidc-identity-taken');
      const isProof = identity.isEmailVerified && normalEmail(identity.email ?? '') === person.email;
      if (isProof && person.emailProvenAt === null)
        await people.update(person.id, { emailProvenAt: new Date() });
      if (known) return;
      await people.addIdentity(issuer, subject, person.id);
      await audit.append(null, identityAdded(person.email, identity));
    });
  }
}

const identityAdded = (email: string, { issuer, subject }: Identity) => ({
  actor: `person:${email}`,
  action: 'person.identity-added',
  target: email,
  after: { issuer, subject },
});

/** A disabled account is none: who owns it learns no more from here than from a password. */
function enabled(person: Person): Person {
  if (person.disabledAt !== null) throw new FleetError('auth.oidc-no-account', { email: person.email });
  return person;
}
