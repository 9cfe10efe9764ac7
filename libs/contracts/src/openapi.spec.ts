/** The OpenAPI document says what the route table says. */
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { errors } from '@tinyfleet/errors';
import { eventSchemas } from './events.js';
import { exampleOf } from './example.js';
import { openApiDocument, webhookBody } from './openapi.js';
import { WebhookCreate } from './resources/index.js';
import { routes, type Route, type RouteName } from './routes/index.js';
import { errorsByStatus } from './routes/route-errors.js';
import { z } from './zod.js';

interface ProblemOf {
  allOf?: { properties: { code: { enum: string[] } } }[];
}
interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        parameters?: { name: string; in: string }[];
        responses: Record<string, { $ref?: string }>;
      }
    >
  >;
  readonly webhooks: Record<
    string,
    { post: { summary: string; requestBody: { content: Record<string, { example: unknown }> } } }
  >;
  readonly components: {
    readonly schemas: Record<string, unknown>;
    readonly responses: Record<string, { content: Record<string, { schema: ProblemOf }> }>;
  };
}

describe('openApiDocument', () => {
  const document = openApiDocument('1.0.0') as unknown as Document;

  it('should hold every route once', () => {
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((o) => o.operationId),
    );
    expect(operations.sort()).toEqual(Object.keys(routes).sort());
  });

  it('should be valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as unknown as Parameters<Validator['validate']>[0],
    );
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('should describe every schema by itself', () => {
    for (const [name, schema] of Object.entries(document.components.schemas))
      expect(schema).not.toEqual({ $ref: `#/components/schemas/${name}` });
  });

  it('should say which headers a route understands', () => {
    const headers = (path: string, method: string) =>
      document.paths[path]?.[method]?.parameters?.filter((p) => p.in === 'header').map((p) => p.name);
    const device = '/api/v1/projects/{project}/devices/{device}';
    expect(headers('/api/v1/projects/{project}/devices', 'post')).toEqual(['Idempotency-Key']);
    expect(headers(device, 'get')).toEqual(['If-None-Match']);
    expect(headers(device, 'patch')).toEqual(['If-Match']);
    expect(headers('/api/v1/projects/{project}/devices', 'get')).toEqual([]);
  });

  it('should resolve every reference it makes', () => {
    const text = JSON.stringify(document);
    const refs = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    expect(refs.length).toBeGreaterThan(20);
    expect(refs.filter((name) => !(name in document.components.schemas))).toEqual([]);
    expect(text).not.toContain('$defs');
  });

  it('should list path and query parameters', () => {
    const list = document.paths['/api/v1/projects/{project}/devices']?.['get'];
    expect(list?.parameters?.map((p) => `${p.in}:${p.name}`)).toEqual([
      'path:project',
      'query:cursor',
      'query:limit',
      'query:filter',
      'query:sort',
      'query:order',
    ]);
  });

  it('should be the same bytes every time', () => {
    expect(JSON.stringify(openApiDocument('1.0.0'))).toBe(JSON.stringify(openApiDocument('1.0.0')));
  });

  it.each(Object.entries(routes) as [RouteName, Route][])(
    'should show valid examples: %s',
    (_name, route) => {
      if (route.body instanceof z.ZodType)
        expect(() =>
          (route.body as z.ZodType).parse(route.example ?? exampleOf(route.body as z.ZodType, 'input')),
        ).not.toThrow();
      if (route.response instanceof z.ZodType)
        expect(() =>
          (route.response as z.ZodType).parse(exampleOf(route.response as z.ZodType)),
        ).not.toThrow();
    },
  );

  it('should list the registered errors of a route by status', () => {
    const operation = document.paths['/api/v1/projects/{project}/devices']?.['post'];
    const of = (status: string) => {
      const key = operation?.responses[status]?.$ref?.split('/').at(-1) ?? '';
      const { content } = document.components.responses[key]!;
      return content['application/problem+json']?.schema.allOf?.[1]?.properties.code.enum;
    };
    expect(of('404')).toEqual(['registry.project-not-found', 'registry.type-not-found']);
    expect(of('409')).toContain('registry.device-exists');
    expect(of('429')).toEqual(['server.rate-limited']);
    for (const name of Object.keys(routes) as RouteName[])
      for (const [status, codes] of errorsByStatus(name))
        for (const code of codes) expect(errors[code].status).toBe(status);
  });

  it('should describe the payload of every event that a webhook can be told of', () => {
    expect(Object.keys(document.webhooks)).toEqual(Object.keys(eventSchemas));
    for (const [type, schema] of Object.entries(eventSchemas)) {
      const described = document.webhooks[type]?.post;
      expect(described?.summary).not.toBe(type);
      const content = described?.requestBody.content['application/json'];
      const body = webhookBody(type, schema).parse(content?.example);
      expect(Object.keys(body)).toEqual(['type', 'timestamp', 'project', 'number', 'data']);
    }
  });

  it('should take an event of a later version without a change of shape', () => {
    const alert = z.object({ alert: z.string(), state: z.enum(['open', 'closed']) });
    const known = Object.keys(webhookBody('device.registered', eventSchemas['device.registered']).shape);
    expect(Object.keys(webhookBody('alert.changed', alert).shape)).toEqual(known);
    expect(
      WebhookCreate.safeParse({ name: 'ops', url: 'https://x.example', events: ['alert.changed'] }).success,
    ).toBe(true);
  });
});
