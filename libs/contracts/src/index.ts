/** HTTP API contracts: one source for validation, OpenAPI and typed clients. Browser-safe. */
import type { z } from 'zod';
import type * as resources from './resources/index.js';

export * from './names.js';
export * from './version.js';
export * from './resources/index.js';
export * from './events.js';
export * from './live.js';
export * from './routes/index.js';
export * from './areas.js';
export * from './csv.js';
export * from './plural.js';
export * from './client.js';
export * from './routes/route-errors.js';
export * from './openapi.js';
export * from './process.js';
export * from './ports.js';
export * from './webhook-url.js';

/** TypeScript types of the resources: `Resource<'Device'>`. */
export type Resource<N extends keyof typeof resources> = (typeof resources)[N] extends z.ZodType
  ? z.infer<(typeof resources)[N]>
  : never;
