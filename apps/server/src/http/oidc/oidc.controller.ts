/** The two requests of a sign-in elsewhere, both made by a browser that follows links: they answer with redirects. */
import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { IdentityService, newAuditOrigin, withAuditOrigin } from '@tinyfleet/auth';
import { isFleetError } from '@tinyfleet/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Server } from '../../platform/server.js';
import { BrowserSessions } from '../session/browser-sessions.js';
import { readCookie, writeCookie } from '../session/cookie.js';
import { LOG } from '../tokens.js';
import { LOGIN_SECONDS, OidcClient } from './oidc-client.js';
import { OIDC_CALLBACK_PATH } from './oidc-path.js';

const COOKIE = 'tinyfleet_oidc';
/** A path of ours; `//host` and `/\host` are other places. */
const OWN_PATH = /^\/(?![/\\])[\x21-\x7e]{0,1000}$/;

@Controller()
export class OidcController {
  constructor(
    private readonly oidc: OidcClient,
    private readonly identities: IdentityService,
    private readonly browsers: BrowserSessions,
    private readonly server: Server,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Get('oidc/login')
  async begin(
    @Query('next') next: unknown,
    @Query('link') link: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.orLoginPage(reply, async () => {
      const path = typeof next === 'string' && OWN_PATH.test(next) ? next : '/';
      const { url, cookie } = await this.oidc.begin(this.callbackUrl(request).href, {
        next: path,
        // The session's cookie is SameSite=Strict: no other site can start this for somebody.
        link: link === 'true' ? await this.browsers.requirePerson(request) : undefined,
      });
      // Lax: the provider's redirect is a navigation from another site, which Strict would leave it out of.
      this.setCookie(request, reply, cookie, LOGIN_SECONDS);
      return url.href;
    });
  }

  @Get('oidc/callback')
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.orLoginPage(reply, async () => {
      const pending = this.oidc.open(readCookie(request, this.cookieName(request)));
      this.setCookie(request, reply, '', 0);
      const callback = this.callbackUrl(request);
      callback.search = request.url.split('?')[1] ?? '';
      const identity = await this.oidc.finish(callback, pending);
      const origin = newAuditOrigin({
        id: request.id,
        address: request.ip,
        userAgent: request.headers['user-agent'],
      });
      await withAuditOrigin(origin, async () => {
        if (pending.link) return await this.identities.link(identity, pending.link);
        const person = await this.identities.personOf(identity);
        await this.browsers.open(request, reply, person, 'oidc');
        return undefined;
      });
      return pending.next;
    });
  }

  /** A person is in front of it: what failed is told by the login page. */
  private async orLoginPage(reply: FastifyReply, work: () => Promise<string>): Promise<void> {
    let target: string;
    try {
      target = await work();
    } catch (error) {
      if (!isFleetError(error)) throw error;
      this.log.warn({ err: error }, 'sign-in elsewhere');
      target = `/login?problem=${error.code}`;
    }
    await reply.header('cache-control', 'no-store').redirect(target, 303);
  }

  private callbackUrl(request: FastifyRequest): URL {
    const own = `${request.protocol}://${request.headers.host ?? ''}`;
    return new URL(OIDC_CALLBACK_PATH, this.server.publicOrigin ?? own);
  }

  private cookieName(request: FastifyRequest): string {
    return this.browsers.isSecure(request) ? `__Host-${COOKIE}` : COOKIE;
  }

  private setCookie(request: FastifyRequest, reply: FastifyReply, value: string, maxAgeS: number): void {
    const secure = this.browsers.isSecure(request);
    writeCookie(reply, `${this.cookieName(request)}=${value}`, { sameSite: 'Lax', maxAgeS, secure });
  }
}
