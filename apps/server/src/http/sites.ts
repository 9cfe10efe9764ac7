/**
 * Serves the built dashboard, with index.html for every address that the browser's router owns, and the built documentation
 * under /docs, each compressed as the build left it beside the file. Hashed assets are kept for a year, everything else is
 * revalidated. The files are listed once at start, so no request can name another one.
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

export async function serveSites(
  fastify: FastifyInstance,
  roots: { readonly dashboard: string; readonly docs: string },
): Promise<void> {
  const dashboard = await filesOf(roots.dashboard);
  const docs = await filesOf(roots.docs);
  await fastify.register(fastifyStatic, {
    ...{ root: roots.dashboard, serve: false, cacheControl: false, index: false, preCompressed: true },
  });
  const at = (url: string, fileOf: (path: string) => string | undefined, root: string): void => {
    fastify.route({
      method: ['GET', 'HEAD'],
      url,
      handler: (request: FastifyRequest, reply: FastifyReply) => {
        const path = decodeURIComponent(request.url.split('?', 1)[0] ?? '/');
        const file = fileOf(path);
        if (file === undefined) throw new FleetError('server.not-found', { method: request.method, path });
        const hashed = file.startsWith('/assets/');
        void reply.header('cache-control', hashed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache');
        return reply.sendFile(file.slice(1), root);
      },
    });
  };
  const pageOf = (path: string): string | undefined => {
    const name = path.slice('/docs'.length).replace(/\/$/, '') || '/index';
    return [name, `${name}.html`].find((file) => docs.has(file));
  };
  at('/docs', pageOf, roots.docs);
  at('/docs/*', pageOf, roots.docs);
  at(
    '/*',
    (path) => {
      if (RESERVED.test(path)) return undefined;
      // A missing script must not be answered with HTML. Other addresses may hold dots: they are names and versions.
      const file = dashboard.has(path) || path.startsWith('/assets/') ? path : '/index.html';
      return dashboard.has(file) ? file : undefined;
    },
    roots.dashboard,
  );
}

/** Paths below a folder, `/` first; of none when it is not there. */
async function filesOf(root: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return new Set(
    entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.gz'))
      .map((entry) => `/${relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')}`),
  );
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
