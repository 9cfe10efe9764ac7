/**
 * Binds controllers to the route table of @tinyfleet/contracts: `@Api('deviceGet')` gives a method its verb, path,
 * status and access; `@Input()` its validated parameters; `@Caller()` and `@Scope()` who asks and for which project.
 */
import {
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import { routes, type ProjectScope, type Route, type RouteName, type RouteOf } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

export const ROUTE = 'tinyfleet:route';

/** What the access guard leaves on a request. */
export interface Admitted {
  caller?: AuthCaller;
  scope?: ProjectScope;
  /** What the caller showed, for those who have to ask again later. */
  given?: { readonly token: string | undefined; readonly sessionSecret: string | undefined };
}
export type ApiRequest = FastifyRequest & {
  admitted?: Admitted;
  /** Set before anything can be refused by it. */
  routeName?: RouteName;
};

export function Api(name: RouteName): MethodDecorator {
  const route: Route = routes[name];
  return applyDecorators(
    SetMetadata(ROUTE, name),
    RequestMapping({ method: RequestMethod[route.method], path: route.path }),
    HttpCode(route.status ?? 200),
  );
}

type Parsed<R, K extends string> =
  R extends Record<K, infer S>
    ? S extends z.ZodType
      ? Record<K, z.infer<S>>
      : S extends 'binary'
        ? Record<K, AsyncIterable<Uint8Array>>
        : unknown
    : unknown;
/** `params`, `query` and `body` of a route, validated, defaults filled in. */
export type ApiInput<N extends RouteName> = Parsed<RouteOf<N>, 'params'> &
  Parsed<RouteOf<N>, 'query'> &
  Parsed<RouteOf<N>, 'body'>;
/** What a handler of the route returns. */
export type ApiOutput<N extends RouteName> =
  RouteOf<N> extends { response: infer S } ? (S extends z.ZodType ? z.input<S> : never) : void;

export const Input = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const name = Reflect.getMetadata(ROUTE, context.getHandler()) as RouteName;
  return parseInput(routes[name], context.switchToHttp().getRequest<FastifyRequest>());
});

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): AuthCaller => {
  const { admitted } = context.switchToHttp().getRequest<ApiRequest>();
  if (!admitted?.caller) throw new FleetError('auth.unauthenticated');
  return admitted.caller;
});

export const Scope = createParamDecorator((_: unknown, context: ExecutionContext): ProjectScope => {
  const { admitted } = context.switchToHttp().getRequest<ApiRequest>();
  if (!admitted?.scope) throw new FleetError('registry.project-not-found', { project: '' });
  return admitted.scope;
});

/** @throws server.invalid-request naming every field */
export function parseInput(route: Route, request: FastifyRequest): Record<string, unknown> {
  const issues: { path: string; message: string }[] = [];
  const parse = (part: string, schema: z.ZodType | undefined, value: unknown): unknown => {
    if (!schema) return undefined;
    const nul = pathOfNul(value, []);
    if (nul !== undefined) {
      issues.push({ path: [part, ...nul].join('.'), message: 'must not hold the character U+0000' });
      return undefined;
    }
    const result = schema.safeParse(value ?? {});
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      issues.push({ path: [part, ...issue.path].join('.'), message: issue.message });
    }
    return undefined;
  };
  const input = {
    params: parse('params', route.params, request.params),
    query: parse('query', route.query, request.query),
    body: route.body === 'binary' ? binaryBody(request) : parse('body', route.body, request.body),
  };
  if (issues.length > 0) {
    const summary = issues
      .slice(0, 5)
      .map(({ path, message }) => `${path}: ${message}`)
      .join('; ');
    throw new FleetError('server.invalid-request', { summary, issues: issues.slice(0, 50) });
  }
  return input;
}

/** Postgres stores no U+0000 in text; no value here has a use for it. */
function pathOfNul(value: unknown, path: readonly string[]): readonly string[] | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = pathOfNul(inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function binaryBody(request: FastifyRequest): AsyncIterable<Uint8Array> {
  const type = request.headers['content-type'] ?? 'none';
  if (!/^(application\/octet-stream|text\/csv)\s*(;|$)/i.test(type))
    throw new FleetError('server.unsupported-media', { type });
  return request.body as AsyncIterable<Uint8Array>;
}
