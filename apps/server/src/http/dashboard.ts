/**
 * Serves the built dashboard: hashed assets for a year, everything else revalidated, and index.html for every address
 * that the browser's router owns. The files are listed once at start, so no request can name another one.
 */
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const YEAR_S = 31_536_000;

/**
 * wasm-unsafe-eval: the dashboard runs bundles. Inline styles: the component library sets its variables in style
 * elements that it makes itself. Nothing is loaded from elsewhere.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Addresses that are never the dashboard's. */
const RESERVED = /^\/(api|health|metrics|mqtt)(\/|$)/;

export async function serveDashboard(fastify: FastifyInstance, root: string): Promise<void> {
  const files = new Set(
    await readdir(root, { recursive: true, withFileTypes: true }).then(
      (entries) =>
        entries
          .filter((entry) => entry.isFile())
          .map((entry) => `/${relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')}`),
      () => [],
    ),
  );
  await fastify.register(fastifyStatic, { root, serve: false, cacheControl: false, index: false });
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: (request: FastifyRequest, reply: FastifyReply) => {
      const path = decodeURIComponent(request.url.split('?', 1)[0] ?? '/');
      const notFound = new FleetError('server.not-found', { method: request.method, path });
      if (RESERVED.test(path)) throw notFound;
      const file = files.has(path) ? path : '/index.html';
      // A missing script must not be answered with HTML. Other addresses may hold dots: they are names and versions.
      if (file !== path && path.startsWith('/assets/')) throw notFound;
      if (!files.has(file)) throw notFound;
      const hashed = file.startsWith('/assets/');
      void reply.header('cache-control', hashed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache');
      return reply.sendFile(file.slice(1));
    },
  });
}

export function addSecurityHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    void reply.headers({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control')) {
      void reply.header('cache-control', 'no-store');
    }
    if (request.protocol === 'https') void reply.header('strict-transport-security', 'max-age=31536000');
    done(null, payload);
  });
}
