/**
 * Typed client of the route table, used by the CLI, the simulator and the dashboard. It works with any `fetch`
 * and knows nothing of Node.
 */
import type { z } from 'zod';
import { routes, type Route, type RouteName, type RouteOf } from './routes/index.js';

type Parsed<S> = S extends z.ZodType
  ? z.infer<S>
  : S extends 'binary'
    ? Uint8Array
    : S extends 'lines' | 'events'
      ? ReadableStream<Uint8Array>
      : undefined;
type Input<S> = S extends z.ZodType
  ? z.input<S>
  : S extends 'binary'
    ? Uint8Array | ReadableStream<Uint8Array> | Blob
    : never;
type Part<R, K extends string, V> =
  R extends Record<K, infer S> ? Record<K, V extends 'in' ? Input<S> : never> : unknown;

/** What a call takes: `params`, `query` and `body` as the route declares them. */
export type CallInput<N extends RouteName> = Part<RouteOf<N>, 'params', 'in'> &
  (RouteOf<N> extends { query: infer Q } ? { query?: Input<Q> } : unknown) &
  Part<RouteOf<N>, 'body', 'in'> & { signal?: AbortSignal; headers?: Record<string, string> };
export type CallOutput<N extends RouteName> =
  RouteOf<N> extends { response: infer S } ? Parsed<S> : undefined;

export interface ClientOptions {
  /** Origin without a trailing slash, e.g. http://127.0.0.1:8080; empty in the browser. */
  readonly baseUrl: string;
  /** API token; the browser has its session cookie instead. */
  readonly token?: string;
  readonly fetch?: typeof fetch;
  /**
   * How often a call is repeated when the server does not answer or says that it may work later; default 2. Only
   * reads, and POSTs of JSON, which carry an Idempotency-Key: they are carried out once however often they are sent.
   */
  readonly retries?: number;
  /** Before the first repetition, doubled for each further one, half of it at random; default 250. */
  readonly retryMs?: number;
}

/** A problem+json answer. `code` is registered; `hint` says what to do. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
    readonly data?: Record<string, unknown>,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The URL of a route below /api/v1, parameters encoded. */
export function routeUrl(
  route: Route,
  params: Record<string, unknown> = {},
  query: Record<string, unknown> = {},
): string {
  const path = route.path.replace(/:([A-Za-z]+)/g, (_, key: string) =>
    encodeURIComponent(String(params[key])),
  );
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(key, String(value));
  }
  const text = search.toString();
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`;
}

const KEY_BYTES = 16;

/** randomUUID wants a secure context, which a plain-HTTP dashboard is not. */
function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The server did not get to it, or is at it: the same request may work in a moment. */
const mayWorkLater = (error: unknown): boolean =>
  error instanceof ApiError &&
  ([0, 502, 503, 504].includes(error.status) || error.code === 'server.idempotency-in-progress');

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

export function createClient(options: ClientOptions) {
  const send = options.fetch ?? fetch;
  const { retries = 2, retryMs = 250 } = options;
  /**
   * Calls a route.
   * @throws ApiError with the registered code on any answer that is not 2xx, and on a network failure
   * (`client.unreachable`, status 0).
   */
  async function call<N extends RouteName>(name: N, input?: CallInput<N>): Promise<CallOutput<N>> {
    const route: Route = routes[name];
    const given = (input ?? {}) as {
      params?: Record<string, unknown>;
      query?: Record<string, unknown>;
      body?: unknown;
      signal?: AbortSignal;
      headers?: Record<string, string>;
    };
    const headers: Record<string, string> = { accept: 'application/json', ...given.headers };
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
    const init: RequestInit & { duplex?: 'half' } = { method: route.method, headers };
    if (given.signal) init.signal = given.signal;
    if (route.body === 'binary') {
      headers['content-type'] = 'application/octet-stream';
      init.body = given.body as NonNullable<RequestInit['body']>;
      if (given.body instanceof ReadableStream) init.duplex = 'half';
    } else if (given.body !== undefined) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(given.body);
    }
    const isKeyed = route.method === 'POST' && route.body !== 'binary' && route.access !== 'public';
    if (isKeyed) headers['idempotency-key'] ??= newIdempotencyKey();
    const url = options.baseUrl + routeUrl(route, given.params, given.query);
    const isRepeatable = isKeyed || route.method === 'GET';
    let response: Response;
    for (let repeated = 0; ; repeated++) {
      try {
        response = await answerTo(url, init);
        break;
      } catch (error) {
        if (!isRepeatable || repeated >= retries || given.signal?.aborted || !mayWorkLater(error))
          throw error;
        await pause(retryMs * 2 ** repeated * (0.5 + Math.random() / 2), given.signal);
      }
    }
    if (route.response === 'binary')
      return new Uint8Array(await response.arrayBuffer()) as unknown as CallOutput<N>;
    if (route.response === 'lines' || route.response === 'events')
      return response.body as unknown as CallOutput<N>;
    if (route.response === undefined || response.status === 204) return undefined as CallOutput<N>;
    return (await response.json()) as CallOutput<N>;
  }
  /** @throws ApiError */
  async function answerTo(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await send(url, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new ApiError(
        0,
        'client.unreachable',
        `The server at ${options.baseUrl || 'this origin'} does not answer.`,
      );
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }
  return { call, baseUrl: options.baseUrl };
}
export type Client = ReturnType<typeof createClient>;

async function problemOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as Record<string, unknown>;
    return new ApiError(
      response.status,
      typeof body['code'] === 'string' ? body['code'] : 'client.unknown',
      typeof body['detail'] === 'string' ? body['detail'] : response.statusText,
      typeof body['hint'] === 'string' ? body['hint'] : undefined,
      body['data'] as Record<string, unknown> | undefined,
    );
  } catch {
    return new ApiError(response.status, 'client.unknown', `The server answered ${response.status}.`);
  }
}
