/** The OpenAPI document says what the route table says. */
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiDocument } from './openapi.js';
import { routes } from './routes/index.js';

interface Document {
  readonly paths: Record<
    string,
    Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>
  >;
  readonly components: { readonly schemas: Record<string, unknown> };
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
});
