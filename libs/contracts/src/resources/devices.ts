/** Devices, their presence and reports; the filter that selects them. */
import { z } from '../zod.js';
import { BootIdHex, DigestHex, Name, ReleaseRef, Tag, Timestamp } from '../names.js';

/**
 * `sleeping`: away as its duty cycle says. `pending`: away, and still expected by its usual gap. `silent`: that time is over.
 * `lost`: long over.
 */
export const Presence = z
  .enum(['never', 'connected', 'sleeping', 'pending', 'silent', 'lost'])
  .meta({ id: 'Presence' });
export const SlotReport = z.object({
  digest: DigestHex.nullable(),
  state: z.string(),
  releaseSequence: z.int(),
  bytes: z.int(),
  /** The release whose build has this digest, when we know it. */
  release: ReleaseRef.nullable(),
});
export const Device = z
  .object({
    name: Name,
    type: Name,
    tags: z.array(Tag),
    site: z.string().nullable(),
    createdAt: Timestamp,
    presence: Presence,
    lastContactAt: Timestamp.nullable(),
    nextContactBy: Timestamp.nullable(),
    firmwareVersion: z.string().nullable(),
    /** What it runs now, as it reported. */
    activeRelease: ReleaseRef.nullable(),
    activeDigest: DigestHex.nullable(),
    updateState: z.string().nullable(),
  })
  .meta({ id: 'Device' });
export const DeviceDetail = Device.extend({
  bootId: BootIdHex.nullable(),
  resetCause: z.string().nullable(),
  abi: z.string().nullable(),
  slots: z.array(SlotReport),
  lastError: z.object({ code: z.int(), title: z.string(), at: Timestamp }).nullable(),
  desiredRelease: ReleaseRef.nullable(),
  reported: z.record(z.string(), z.unknown()),
}).meta({ id: 'DeviceDetail' });
export const DeviceRegister = z.object({
  name: Name,
  type: Name,
  tags: z.array(Tag).max(32).default([]),
  site: z.string().max(63).nullable().default(null),
});
export const DeviceRegistered = z
  .object({
    device: Device,
    /** Shown once. */
    token: z.string(),
    mqttUsername: z.string(),
  })
  .meta({ id: 'DeviceRegistered' });
export const DevicePatch = z.object({
  tags: z.array(Tag).max(32).optional(),
  site: z.string().max(63).nullable().optional(),
});
/** e.g. `type = "wasm" and tag in ("pilot","eu") and not state = "silent"` */
export const Filter = z.string().max(2_000).meta({ id: 'Filter' });
