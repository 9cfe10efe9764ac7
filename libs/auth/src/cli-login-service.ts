/**
 * Signing a command line in from a browser (the native application of RFC 8252): who is signed in there approves it and
 * gets a code, which becomes an API token once, for who knows the verifier of its challenge (RFC 7636).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { AuthService, Caller, Client } from './auth-service.js';
import type { AuthStore, AuthStores } from './ports.js';
import { hashSecret, newApiToken, newSecret, shownPrefix } from './secrets.js';

const CODE_MINUTES = 5;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const USER_AGENT_CHARACTERS = 200;

export class CliLoginService {
  constructor(
    private readonly store: AuthStore,
    private readonly transact: Transact<AuthStores>,
    private readonly auth: AuthService,
    private readonly options: { readonly maxTokens: number },
  ) {}

  /** A token approves nothing: it would outlive itself. @throws auth.session-needed */
  async approve(
    caller: Caller,
    { challenge, machine, expiresInDays }: Resource<'CliLoginRequest'>,
  ): Promise<Resource<'CliLoginCode'>> {
    const { person, via, id } = caller.credential;
    if (person === null || via !== 'session') throw new FleetError('auth.session-needed');
    const code = newSecret();
    const expiresAt = new Date(this.auth.now().getTime() + CODE_MINUTES * MINUTE_MS);
    await this.transact(async ({ auth, audit }) => {
      const login = { hash: hashSecret(code), challenge, machine, tokenDays: expiresInDays, expiresAt };
      await auth.addCliLogin(id, login);
      await audit.append(null, {
        actor: caller.actor,
        action: 'cli-login.approved',
        target: person.email,
        detail: { machine },
      });
    });
    return { code, expiresAt: expiresAt.toISOString() };
  }

  /** A wrong verifier uses the code up too. @throws auth.cli-login-invalid, auth.token-limit, auth.too-many-attempts */
  async redeem(
    { code, verifier }: Resource<'CliLoginRedeem'>,
    client: Client,
  ): Promise<Resource<'CliLoginToken'>> {
    const attempt = this.auth.beginAttempt(client.address);
    const now = this.auth.now();
    const login = await this.store.takeCliLogin(hashSecret(code), now);
    if (!login || !isVerifierOf(login.challenge, verifier)) throw new FleetError('auth.cli-login-invalid');
    const secret = newApiToken();
    const { person, machine, via } = login;
    // Two machines may have one name; the secret's own beginning is shown in any case.
    const name = `cli-${machine}-${secret
      .slice(-6)
      .replaceAll(/[^0-9A-Za-z]/g, '0')
      .toLowerCase()}`;
    const expiresAt = new Date(now.getTime() + login.tokenDays * DAY_MS);
    const token = {
      personId: person.id,
      name,
      hash: hashSecret(secret),
      prefix: shownPrefix(secret),
      role: 'admin' as const,
      projectId: null,
      areas: null,
      readOnly: false,
      expiresAt,
      loginVia: via,
      address: client.address,
      userAgent: client.userAgent?.slice(0, USER_AGENT_CHARACTERS) ?? null,
    };
    await this.transact(async ({ auth, audit }) => {
      await auth.addToken(token, this.options.maxTokens);
      await audit.append(null, {
        actor: `person:${person.email}`,
        action: 'session.opened',
        target: person.email,
        detail: { via, kind: 'cli', token: name },
      });
    });
    this.auth.endAttempt(attempt);
    return { token: secret, name, email: person.email, expiresAt: expiresAt.toISOString() };
  }
}

function isVerifierOf(challenge: string, verifier: string): boolean {
  const wanted = Buffer.from(challenge);
  const given = Buffer.from(createHash('sha256').update(verifier, 'ascii').digest('base64url'));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
