/**
 * Entity tags (RFC 9110, 8.8.3): `"<revision>.<hash>"` of a single resource. If-None-Match compares all of it, so a
 * device whose presence changed is sent again; If-Match compares the revision alone, so that such a change, which no
 * caller makes, does not refuse an update. Resources without a revision have the hash only.
 */
import { createHash } from 'node:crypto';
import { routes, type Route, type RouteName } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';

const MAX_TAGS = 20;
const HASH_CHARACTERS = 22;

/** Left on a request by the interceptor: which route it is, and the revision of what it answers. */
export interface Answered {
  answered?: { readonly route: RouteName; readonly revision: number | undefined };
}

/** A GET that answers one JSON resource, not a page of them. */
export function isSingle(route: Route): boolean {
  return (
    route.method === 'GET' &&
    route.response instanceof z.ZodType &&
    !(route.response instanceof z.ZodObject && 'nextCursor' in route.response.shape)
  );
}

/** Tags of an If-Match or If-None-Match as they stand, weak ones with their `W/`; '*' for any. @throws server.precondition-invalid */
export function parseTags(header: 'If-Match' | 'If-None-Match', text: string): readonly string[] | '*' {
  if (text.trim() === '*') return '*';
  const tags: string[] = [];
  const tag = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(,|$)/y;
  while (tag.lastIndex < text.length) {
    const found = tag.exec(text);
    if (!found)
      throw new FleetError('server.precondition-invalid', { header, reason: 'it is no list of ETags' });
    tags.push(found[1] ?? '');
    if (tags.length > MAX_TAGS)
      throw new FleetError('server.precondition-invalid', {
        header,
        reason: `it has more than ${MAX_TAGS} ETags`,
      });
  }
  return tags;
}

/** Revisions that strong tags of ours name; others match nothing. */
export function revisionsOf(tags: readonly string[]): number[] {
  return tags.flatMap((tag) => {
    const [, revision] = /^"(\d{1,15})(?:\.[\w-]*)?"$/.exec(tag) ?? [];
    return revision === undefined ? [] : [Number(revision)];
  });
}

/** Gives single resources their ETag and answers 304 to who has them; changes answer with the new revision. */
export function addEtags(fastify: FastifyInstance): void {
  fastify.addHook('onSend', async (request: FastifyRequest & Answered, reply, payload) => {
    const { answered } = request;
    if (!answered || reply.statusCode < 200 || reply.statusCode > 299 || typeof payload !== 'string')
      return payload;
    const { route, revision } = answered;
    if (!isSingle(routes[route])) {
      if (revision !== undefined) void reply.header('etag', `"${revision}"`);
      return payload;
    }
    const hash = createHash('sha256').update(payload).digest('base64url').slice(0, HASH_CHARACTERS);
    const etag = revision === undefined ? `"${hash}"` : `"${revision}.${hash}"`;
    void reply.header('etag', etag).header('cache-control', 'private, no-cache');
    const known = request.headers['if-none-match'];
    if (known === undefined) return payload;
    const tags = parseTags('If-None-Match', known);
    if (tags !== '*' && !tags.some((tag) => tag.replace(/^W\//, '') === etag)) return payload;
    void reply.code(304).removeHeader('content-type').removeHeader('content-length');
    return '';
  });
}
