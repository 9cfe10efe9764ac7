/** Problem details of RFC 9457 with a registered code: every error of the API. */
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
