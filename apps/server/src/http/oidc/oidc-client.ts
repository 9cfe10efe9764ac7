/**
 * OpenID Connect, the authorization code flow with PKCE (RFC 7636), state and nonce. The provider's settings and keys
 * come from its discovery document; the ID token's signature is checked although it came over TLS. Between the two
 * requests of a login its secrets are in a sealed cookie, so any process of ours may answer the second one.
 */
import { Injectable } from '@nestjs/common';
import type { Identity } from '@tinyfleet/auth';
import { FleetError } from '@tinyfleet/errors';
import { SecretSealer } from '@tinyfleet/releases';
import type * as openid from 'openid-client';
import { isLoopback } from '../../platform/config.js';
import { Server } from '../../platform/server.js';

/** A login that takes longer starts again. */
export const LOGIN_SECONDS = 600;
const DISCOVERY_MS = 3_600_000;
const CLOCK_SKEW_S = 30;
const PROVIDER_TIMEOUT_S = 10;
const CONTEXT = 'oidc login';

export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where the browser wanted to go: a path of ours. */
  readonly next: string;
  /** Who was signed in and wants to sign in this way as well; without it, it is a login. */
  readonly link?: { readonly id: string; readonly email: string } | undefined;
  readonly startedAt: number;
}

@Injectable()
export class OidcClient {
  private found: { readonly at: number; readonly configuration: Promise<openid.Configuration> } | undefined;

  constructor(
    private readonly server: Server,
    private readonly sealer: SecretSealer,
  ) {}

  get name(): string {
    return this.server.config['oidc.name'];
  }

  /** The address to send the browser to, and the cookie's value. @throws auth.oidc-off, auth.oidc-failed */
  async begin(
    redirectUri: string,
    { next, link }: Pick<PendingLogin, 'next' | 'link'>,
  ): Promise<{ url: URL; cookie: string }> {
    return await this.withProvider(async (client, configuration) => {
      const pending: PendingLogin = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
        next,
        ...(link ? { link } : {}),
        startedAt: Date.now(),
      };
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: this.server.config['oidc.scopes'],
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
      });
      const sealed = this.sealer.seal(Buffer.from(JSON.stringify(pending)), CONTEXT);
      return { url, cookie: sealed.toString('base64url') };
    });
  }

  /** @throws auth.oidc-expired */
  open(cookie: string | undefined): PendingLogin {
    try {
      const text = this.sealer.open(Buffer.from(cookie ?? '', 'base64url'), CONTEXT).toString('utf8');
      const pending = JSON.parse(text) as PendingLogin;
      if (Date.now() - pending.startedAt < LOGIN_SECONDS * 1_000) return pending;
    } catch {
      // Falls through to the same answer.
    }
    throw new FleetError('auth.oidc-expired');
  }

  /** Exchanges the code and checks everything. `callback` is the address that the browser was sent back to. */
  async finish(callback: URL, pending: PendingLogin): Promise<Identity> {
    if (callback.searchParams.get('state') !== pending.state) throw new FleetError('auth.oidc-expired');
    return await this.withProvider(async (client, configuration) => {
      const tokens = await client.authorizationCodeGrant(configuration, callback, {
        pkceCodeVerifier: pending.verifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new Error('it sent no ID token');
      // Small ID tokens leave the address to the userinfo endpoint, which has to be about the same subject.
      const hasEndpoint = configuration.serverMetadata().userinfo_endpoint !== undefined;
      const more =
        claims['email'] === undefined && hasEndpoint
          ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
          : {};
      const all: Record<string, unknown> = { ...more, ...claims };
      return {
        issuer: claims.iss,
        subject: claims.sub,
        email: text(all['email']),
        isEmailVerified: all['email_verified'] === true || this.server.config['oidc.trustEmail'],
        name: text(all['name']),
      };
    });
  }

  private async withProvider<T>(
    work: (client: typeof openid, configuration: openid.Configuration) => Promise<T>,
  ): Promise<T> {
    const issuer = this.server.config['oidc.issuer'];
    if (issuer === undefined) throw new FleetError('auth.oidc-off');
    const client = await import('openid-client');
    try {
      return await work(client, await this.configuration(client, new URL(issuer)));
    } catch (error) {
      if (error instanceof FleetError) throw error;
      throw new FleetError(
        'auth.oidc-failed',
        { provider: this.name, reason: reasonOf(error) },
        { cause: error },
      );
    }
  }

  private async configuration(client: typeof openid, issuer: URL): Promise<openid.Configuration> {
    if (this.found && Date.now() - this.found.at < DISCOVERY_MS) return await this.found.configuration;
    const { config } = this.server;
    const secret = config['oidc.clientSecret'];
    const configuration = client
      .discovery(
        issuer,
        config['oidc.clientId'] ?? '',
        { [client.clockTolerance]: CLOCK_SKEW_S },
        secret === undefined ? client.None() : client.ClientSecretBasic(secret),
        {
          timeout: PROVIDER_TIMEOUT_S,
          execute: [client.enableNonRepudiationChecks, ...plainOnlyHere(client, issuer)],
        },
      )
      .catch((error: unknown) => {
        this.found = undefined;
        throw error;
      });
    this.found = { at: Date.now(), configuration };
    return await configuration;
  }
}

/** Plain HTTP is for a provider on this machine only. */
function plainOnlyHere(client: typeof openid, issuer: URL) {
  const isHere = issuer.protocol === 'http:' && isLoopback(issuer.hostname);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out, as it does here
  return isHere ? [client.allowInsecureRequests] : [];
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** What the provider said, else what went wrong on the way; no secrets are in either. */
function reasonOf(error: unknown): string {
  const { error: code, error_description: description, message } = error as Record<string, unknown>;
  const said = [code, description].filter((part) => typeof part === 'string').join(': ');
  return (said || String(message)).slice(0, 300);
}
