/** The OpenAPI 3.1 document of the route table: committed as docs/api/openapi.json and served at /api/v1/openapi.json. */
import { Name, Timestamp } from './names.js';
import { Problem } from './resources/index.js';
import { eventSchemas } from './events.js';
import { exampleOf } from './example.js';
import { routes, type Route, type RouteName } from './routes/index.js';
import { errorsByStatus } from './routes/route-errors.js';
import { z } from './zod.js';

type Json = Record<string, unknown>;

/** Deterministic: equal sources give equal bytes. */
export function openApiDocument(version: string): Json {
  const schemas: Json = {};
  const problems: Json = { default: problem('A problem', PROBLEM) };
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    const path = `/api/v1${route.path.replace(/:([A-Za-z]+)/g, '{$1}')}`;
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(name, route, { schemas, problems });
  }
  // Its own root is a reference once others refer to it.
  const described = schemaOf(Problem, schemas);
  if (!('$ref' in described)) schemas['Problem'] = described;
  return {
    openapi: '3.1.0',
    info: {
      title: 'TinyFleet',
      version,
      description: 'Errors are problem+json with a registered `code` and a `hint`; see docs/errors.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    webhooks: webhooksOf(schemas),
    components: {
      schemas,
      responses: problems,
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'tinyfleet_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
    security: [{ session: [] }, { token: [] }],
  };
}

function operationOf(
  name: string,
  route: Route,
  { schemas, problems }: { schemas: Json; problems: Json },
): Json {
  const parameters = [
    ...parametersOf('path', route.params, schemas),
    ...parametersOf('query', route.query as z.ZodObject | undefined, schemas),
    ...headersOf(route),
  ];
  const operation: Json = {
    operationId: name,
    summary: route.summary,
    description: route.access === 'public' ? 'Needs no session.' : `Access: ${route.access}.`,
    responses: {
      [String(route.status ?? 200)]: responseOf(route, schemas),
      ...problemsOf(name as RouteName, problems),
    },
  };
  if (route.access === 'public') operation['security'] = [];
  if (parameters.length > 0) operation['parameters'] = parameters;
  if (route.body !== undefined) {
    operation['requestBody'] = {
      required: true,
      content:
        route.body === 'binary'
          ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
          : {
              'application/json': {
                schema: schemaOf(route.body, schemas, 'input'),
                example: route.example ?? exampleOf(route.body, 'input'),
              },
            },
    };
  }
  return operation;
}

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const problem = (description: string, schema: Json): Json => ({
  description,
  content: { 'application/problem+json': { schema } },
});

/** By status: which registered codes there are, each set described once. A status beside them is a proxy's. */
function problemsOf(name: RouteName, problems: Json): Json {
  const ofStatus = [...errorsByStatus(name)].map(([status, codes]) => {
    const described = problem(codes.join(', '), {
      allOf: [PROBLEM, { properties: { code: { enum: codes } } }],
    });
    const same = JSON.stringify(described);
    const known = Object.keys(problems).find((key) => JSON.stringify(problems[key]) === same);
    const key = known ?? `${status}.${Object.keys(problems).length}`;
    problems[key] = described;
    return [String(status), { $ref: `#/components/responses/${key}` }];
  });
  return {
    ...(Object.fromEntries(ofStatus) as Json),
    default: { $ref: '#/components/responses/default' },
  };
}

const header = (name: string, description: string, example: string): Json => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string' },
  example,
});

/** Headers that every route of a kind understands: docs/api.md. */
function headersOf(route: Route): Json[] {
  if (route.method === 'POST' && route.body !== 'binary' && route.access !== 'public') {
    const text = 'Carried out once per key, caller and project; the first answer is repeated.';
    return [header('Idempotency-Key', text, '8e03978e-40d5-43dd-bc93-6894a57f9324')];
  }
  if (route.revisioned !== undefined)
    return [header('If-Match', 'Refused with 412 when the resource has another revision by now.', '"7"')];
  const isSingle =
    route.method === 'GET' &&
    route.response instanceof z.ZodType &&
    !(route.response instanceof z.ZodObject && 'nextCursor' in route.response.shape);
  return isSingle
    ? [header('If-None-Match', 'Answered with 304 when nothing changed.', '"7.k3Jd0aX1f2Qw9ZbLr5TnUg"')]
    : [];
}

function responseOf(route: Route, schemas: Json): Json {
  if (route.response === undefined) return { description: 'Done' };
  if (route.response === 'binary') {
    return {
      description: 'The bytes',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    };
  }
  if (route.response === 'lines') {
    return {
      description: 'Text, one record a line',
      content: {
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    };
  }
  if (route.response === 'events') {
    return {
      description: 'Server-sent events: `id` is the event number, `event` its name, `data` its JSON',
      content: {
        'text/event-stream': {
          schema: { type: 'string' },
          ...(route.event ? { 'x-event-data': schemaOf(route.event, schemas) } : {}),
        },
      },
    };
  }
  return {
    description: 'OK',
    content: {
      'application/json': { schema: schemaOf(route.response, schemas), example: exampleOf(route.response) },
    },
  };
}

/** What a webhook posts, by event. */
function webhooksOf(schemas: Json): Json {
  return Object.fromEntries(
    Object.entries(eventSchemas).map(([type, data]) => {
      const body = webhookBody(type, data);
      const content = { 'application/json': { schema: schemaOf(body, schemas), example: exampleOf(body) } };
      const operation = {
        operationId: `on.${type}`,
        summary: data.meta()?.description ?? type,
        requestBody: { required: true, content },
        responses: { '2XX': { description: 'Taken; anything else is tried again' } },
      };
      return [type, { post: operation }];
    }),
  );
}

/** The shape is the same for every event there is and will be; only `data` differs. */
export const webhookBody = (type: string, data: z.ZodType) =>
  z.object({
    type: z.literal(type),
    timestamp: Timestamp,
    project: Name,
    number: z.int().min(1),
    data,
  });

function parametersOf(place: 'path' | 'query', object: z.ZodObject | undefined, schemas: Json): Json[] {
  if (object === undefined) return [];
  const schema = schemaOf(object, schemas, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (schema.required ?? []).includes(name),
    schema: property,
  }));
}

/** JSON Schema of a zod schema; named parts (`meta({ id })`) are moved to components and referenced. */
function schemaOf(schema: z.ZodType, schemas: Json, io: 'input' | 'output' = 'output'): Json {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Json;
  const { $defs, $schema: _, ...own } = made as { $defs?: Json; $schema?: string };
  for (const [id, definition] of Object.entries($defs ?? {})) {
    schemas[id] = withoutId(rewrite(definition));
  }
  return withoutId(rewrite(own)) as Json;
}

/** Points `#/$defs/X` to `#/components/schemas/X`. */
function rewrite(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewrite);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
        : [key, rewrite(inner)],
    ),
  );
}

function withoutId(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { id: _, ...rest } = value as Json;
  return rest;
}
