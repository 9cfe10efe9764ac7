/** The typed client: URL building, tokens, problems. */
import { describe, expect, it } from '@jest/globals';
import { ApiError, createClient, routeUrl } from './client.js';
import { routes } from './routes/index.js';

const respond = (status: number, body: unknown) => () =>
  Promise.resolve(new Response(JSON.stringify(body), { status }));

describe('createClient', () => {
  it('should encode path parameters and leave out absent query values', () => {
    expect(routeUrl(routes.releaseGet, { project: 'demo', release: 'kws@1.1.0' })).toBe(
      '/api/v1/projects/demo/releases/kws%401.1.0',
    );
    expect(routeUrl(routes.deviceList, { project: 'demo' }, { filter: 'tag = "a"', cursor: undefined })).toBe(
      '/api/v1/projects/demo/devices?filter=tag+%3D+%22a%22',
    );
  });

  it('should send the token and parse the answer', async () => {
    const seen: RequestInit[] = [];
    const client = createClient({
      baseUrl: 'http://127.0.0.1:1',
      token: 'secret',
      fetch: ((_url: string, init: RequestInit) => {
        seen.push(init);
        return respond(200, { done: true, serverVersion: '1' })();
      }) as typeof fetch,
    });
    const state = await client.call('setupState');
    expect(state.done).toBe(true);
    expect((seen[0]?.headers as Record<string, string>)['authorization']).toBe('Bearer secret');
  });

  it('should turn a problem into an ApiError with its registered code and hint', async () => {
    const client = createClient({
      baseUrl: '',
      fetch: respond(404, {
        code: 'registry.device-not-found',
        detail: 'No device x.',
        hint: 'List them.',
      }),
    });
    const error = await client
      .call('deviceGet', { params: { project: 'p', device: 'x' } })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, code: 'registry.device-not-found', hint: 'List them.' });
  });

  it('should report an unreachable server as client.unreachable', async () => {
    const client = createClient({ baseUrl: 'http://x', fetch: () => Promise.reject(new Error('boom')) });
    await expect(client.call('me')).rejects.toMatchObject({ code: 'client.unreachable', status: 0 });
  });
});

describe('routes', () => {
  it('should declare every path parameter and no method and path twice', () => {
    const seen = new Set<string>();
    for (const route of Object.values(routes)) {
      const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map((m) => m[1]);
      const declared = 'params' in route ? Object.keys(route.params.shape) : [];
      expect([...declared].sort()).toEqual([...names].sort());
      const key = `${route.method} ${route.path.replace(/:[A-Za-z]+/g, ':')}`;
      expect(seen.has(key)).toBe(false);
      seen.add(key);
    }
  });
});
