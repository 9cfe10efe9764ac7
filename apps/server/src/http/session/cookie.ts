/**
 * The session cookie: HttpOnly, SameSite=Strict, and over TLS Secure with the name prefix `__Host-`, which a sibling
 * domain or a plain connection cannot set (RFC 6265bis, 4.1.3). A request over TLS is read for that name only.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

const PLAIN = 'tinyfleet_session';
const SECURE = `__Host-${PLAIN}`;

/** Behind a proxy that does not say so, the announced address tells that the browser speaks TLS. */
export interface CookieOptions {
  readonly publicOrigin: string | undefined;
}

export function isSecure(request: FastifyRequest, { publicOrigin }: CookieOptions): boolean {
  if (request.protocol === 'https') return true;
  return publicOrigin?.startsWith('https://') === true && new URL(publicOrigin).host === request.headers.host;
}

export function sessionCookie(request: FastifyRequest, options: CookieOptions): string | undefined {
  return readCookie(request, isSecure(request, options) ? SECURE : PLAIN);
}

export function readCookie(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) {
      const value = pair.slice(at + 1).trim();
      if (value !== '') return value;
    }
  }
  return undefined;
}

export interface CookieChange extends CookieOptions {
  readonly maxAgeS: number;
}

export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  secret: string,
  change: CookieChange,
): void {
  const secure = isSecure(request, change);
  const name = secure ? SECURE : PLAIN;
  writeCookie(reply, `${name}=${secret}`, { sameSite: 'Strict', maxAgeS: change.maxAgeS, secure });
}

export function clearSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  options: CookieOptions,
): void {
  setSessionCookie(request, reply, '', { ...options, maxAgeS: 0 });
}

/** Not readable by scripts, for the whole site. */
export function writeCookie(
  reply: FastifyReply,
  pair: string,
  { sameSite, maxAgeS, secure }: { sameSite: 'Strict' | 'Lax'; maxAgeS: number; secure: boolean },
): void {
  const rest = `Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${maxAgeS}${secure ? '; Secure' : ''}`;
  void reply.header('set-cookie', `${pair}; ${rest}`);
}
