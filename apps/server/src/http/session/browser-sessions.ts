/** Sessions as browsers have them: opened into a cookie, found in it, cleared. */
import { Injectable } from '@nestjs/common';
import { AuthService, type NewSession, type Person } from '@tinyfleet/auth';
import type { Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Server } from '../../platform/server.js';
import {
  clearSessionCookie,
  isSecure,
  sessionCookie,
  setSessionCookie,
  type CookieOptions,
} from './cookie.js';

@Injectable()
export class BrowserSessions {
  readonly options: CookieOptions;

  constructor(
    private readonly auth: AuthService,
    private readonly server: Server,
  ) {
    this.options = { publicOrigin: server.publicOrigin };
  }

  /** Whom a request comes from, for limits and lists; the session it had ends when another one is opened. */
  clientOf(request: FastifyRequest) {
    return {
      address: request.ip,
      userAgent: request.headers['user-agent'],
      sessionSecret: sessionCookie(request, this.options),
    };
  }

  async open(
    request: FastifyRequest,
    reply: FastifyReply,
    person: Pick<Person, 'id' | 'email'>,
    via: NewSession['via'],
  ): Promise<Resource<'Me'>> {
    const secret = await this.auth.openSession(person, { ...this.clientOf(request), via });
    return await this.keep(request, reply, secret);
  }

  /** The cookie of a session that was opened, and whose it is. */
  async keep(request: FastifyRequest, reply: FastifyReply, secret: string): Promise<Resource<'Me'>> {
    const maxAgeS = this.server.config.sessionDays * 86_400;
    setSessionCookie(request, reply, secret, { ...this.options, maxAgeS });
    return await this.auth.describe(await this.auth.callerOf({ sessionSecret: secret }));
  }

  secretOf(request: FastifyRequest): string | undefined {
    return sessionCookie(request, this.options);
  }

  /** Id of who is signed in, if anybody. */
  async personIdOf(request: FastifyRequest): Promise<string | undefined> {
    const sessionSecret = this.secretOf(request);
    if (sessionSecret === undefined) return undefined;
    const caller = await this.auth.callerOf({ sessionSecret }).catch(() => undefined);
    return caller?.credential.person?.id;
  }

  /** Who is signed in. @throws auth.unauthenticated */
  async requirePerson(request: FastifyRequest): Promise<Pick<Person, 'id' | 'email'>> {
    const { credential } = await this.auth.callerOf({ sessionSecret: this.secretOf(request) });
    if (credential.person === null) throw new FleetError('auth.unauthenticated');
    return { id: credential.person.id, email: credential.person.email };
  }

  clear(request: FastifyRequest, reply: FastifyReply): void {
    clearSessionCookie(request, reply, this.options);
  }

  isSecure(request: FastifyRequest): boolean {
    return isSecure(request, this.options);
  }
}
