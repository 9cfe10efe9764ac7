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

  it('should repeat a POST that got no answer with the same Idempotency-Key, and a change never', async () => {
    const keys: (string | undefined)[] = [];
    const answers = [
      () => Promise.reject(new Error('reset')),
      respond(409, { code: 'server.idempotency-in-progress', detail: '' }),
      respond(201, { number: 1 }),
    ];
    const client = createClient({
      baseUrl: '',
      retryMs: 1,
      fetch: ((_url: string, init: RequestInit) => {
        keys.push((init.headers as Record<string, string>)['idempotency-key']);
        return answers[keys.length - 1]!();
      }) as typeof fetch,
    });
    const body = { release: 'kws@1.1.0', filter: '' };
    expect(await client.call('rolloutCreate', { params: { project: 'p' }, body })).toEqual({ number: 1 });
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
    keys.length = 0;
    const params = { project: 'p', device: 'd' };
    await expect(client.call('deviceUpdate', { params, body: {} })).rejects.toMatchObject({ status: 0 });
    expect(keys).toEqual([undefined]);
  });

  it('should give up after its repetitions, and not repeat what was refused', async () => {
    let calls = 0;
    const answer = (response: () => Promise<Response>) =>
      createClient({ baseUrl: '', retries: 3, retryMs: 1, fetch: () => (calls++, response()) });
    await expect(answer(respond(503, { code: 'server.not-ready' })).call('me')).rejects.toMatchObject({
      status: 503,
    });
    expect(calls).toBe(4);
    await expect(answer(respond(403, { code: 'auth.forbidden' })).call('me')).rejects.toMatchObject({
      status: 403,
    });
    expect(calls).toBe(5);
  });

  it('should report an unreachable server as client.unreachable', async () => {
    const client = createClient({
      baseUrl: 'http://x',
      retryMs: 1,
      fetch: () => Promise.reject(new Error('boom')),
    });
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
