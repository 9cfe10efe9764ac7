/** One route of the public API, and the path parameters routes share. Paths are below /api/v1; `:name` is a path parameter. */
import { z } from '../zod.js';
import { Name, ReleaseRef, Version } from '../names.js';
import type { Role } from '../resources/index.js';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  /** Who may call it. `public` needs no session; others name the least role in the project. */
  readonly access: 'public' | 'user' | 'admin' | z.infer<typeof Role>;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodType;
  /** JSON body; `binary` is a raw octet stream. */
  readonly body?: z.ZodType | 'binary';
  /** A body for the OpenAPI document, where one with everything that the schema knows would contradict itself. */
  readonly example?: unknown;
  /** JSON response; `binary` is a raw octet stream, `lines` streamed text (NDJSON, CSV), `events` server-sent events. */
  readonly response?: z.ZodType | 'binary' | 'lines' | 'events';
  /** What an event of `events` holds. */
  readonly event?: z.ZodType;
  readonly status?: number;
  /** A read that is written into the audit log, with where it came from. */
  readonly audited?: true;
  /** The path parameter whose resource has a revision: an If-Match is compared with it before anything changes. */
  readonly revisioned?: 'project' | 'device' | 'deviceType' | 'webhook' | 'group';
}

export const project = z.object({ project: Name });
export const device = project.extend({ device: Name });
export const deviceType = project.extend({ deviceType: Name });
export const group = project.extend({ group: Name });
export const model = project.extend({ model: Name });
export const modelVersion = model.extend({ version: Version });
export const firmware = project.extend({ firmware: Name });
export const firmwareVersion = firmware.extend({ firmwareVersion: Version });
export const build = modelVersion.extend({ deviceType: Name });
export const release = project.extend({ release: ReleaseRef });
export const rollout = project.extend({ number: z.coerce.number().int().min(1) });
export const deployment = project.extend({ deployment: z.coerce.number().int().min(1) });
