/** Commands to a device. */
import { z } from '../zod.js';
import { Timestamp } from '../names.js';

export const DeviceCommandName = z
  .enum([
    'reboot',
    'erase',
    'send-samples',
    'set-cadence',
    'set-edges',
    'abort',
    'shadow',
    'revert',
    'say-hello',
    'capture',
  ])
  .meta({ id: 'DeviceCommandName' });
export const DeviceCommandState = z
  .enum(['queued', 'sent', 'taken', 'refused', 'expired'])
  .meta({ id: 'DeviceCommandState' });
export const DeviceCommand = z
  .object({
    id: z.uuid(),
    command: DeviceCommandName,
    argument: z.int().nullable(),
    /** Base64. */
    data: z.string().nullable(),
    state: DeviceCommandState,
    /** It is asked again whenever a hello shows that the device does not have it, until another of its kind takes its place. */
    isKept: z.boolean(),
    createdAt: Timestamp,
    createdBy: z.string(),
    /** Not sent any more after this time. */
    expiresAt: Timestamp,
    sentAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'DeviceCommand' });
export const DeviceCommandCreate = z.object({
  command: DeviceCommandName,
  /** Meaning and range: docs/spec/wire.md, Commands. */
  argument: z.int().min(0).max(4_294_967_295).optional(),
  data: z.base64().max(1_368).optional(),
  expiresInSeconds: z.int().min(10).max(2_592_000).default(86_400),
});
