/** What every route shares: problems, pages, roles. */
import { z } from '../zod.js';

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    /** Registered error code, e.g. `models.not-a-model`; see docs/errors. */
    code: z.string(),
    detail: z.string(),
    /** What the reader can do about it. */
    hint: z.string().optional(),
    data: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem' });

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const PageQuery = z.object({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const Role = z.enum(['viewer', 'operator', 'developer', 'admin']).meta({ id: 'Role' });
