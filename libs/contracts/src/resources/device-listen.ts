/** What listening to a device gives: server-sent events `event: <kind>`, `data:` one of these. */
import { z } from '../zod.js';

const at = { at: z.string() };
export const DeviceListenEvent = z
  .discriminatedUnion('kind', [
    /** Everything from here on is seen; sent again after the broker restarted. */
    z.object({ kind: z.literal('listening'), ...at, connected: z.boolean() }),
    /** The process that holds connections does not answer: what happens meanwhile is not seen. */
    z.object({ kind: z.literal('interrupted'), ...at }),
    z.object({
      kind: z.literal('connected'),
      ...at,
      address: z.string(),
      credential: z.enum(['token', 'certificate']),
    }),
    z.object({ kind: z.literal('disconnected'), ...at }),
    z.object({ kind: z.literal('subscribed'), ...at, topic: z.string(), qos: z.int() }),
    /** A connection, message or subscription under its client id. */
    z.object({
      kind: z.literal('refused'),
      ...at,
      code: z.string(),
      reason: z.string(),
      address: z.string().nullable(),
    }),
    z.object({
      kind: z.literal('message'),
      ...at,
      direction: z.enum(['up', 'down']),
      /** Last level of its topic. */
      name: z.string(),
      qos: z.int(),
      /** The broker sent it in the place of a device that went away. */
      will: z.boolean(),
      bytes: z.int(),
      /** Named fields; bytes are hexadecimal, long contents are `{"bytes": n}`. Null: it is not a message of the protocol. */
      message: z.record(z.string(), z.unknown()).nullable(),
      /** Why it is not. */
      error: z.object({ code: z.string(), reason: z.string() }).nullable(),
      /** The payload: when asked for, and where it cannot be decoded. */
      hex: z.string().nullable(),
    }),
    /** Left out, above the rate that is shown. */
    z.object({ kind: z.literal('dropped'), ...at, messages: z.int() }),
  ])
  .meta({ id: 'DeviceListenEvent' });
