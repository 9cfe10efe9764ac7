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
/**
 * registered: made, never heard of. claimed: it has a credential of its own, not heard of yet. active: since its first
 * hello. suspended: refused at connect, else kept. retired: credentials gone, the name kept, in no rollout any more.
 */
export const DeviceState = z
  .enum(['registered', 'claimed', 'active', 'suspended', 'retired'])
  .meta({ id: 'DeviceState' });
export const Location = z
  .object({
    /** In words. */
    text: z.string().max(200).default(''),
    /** Degrees, WGS 84; both or none. */
    latitude: z.number().min(-90).max(90).nullable().default(null),
    longitude: z.number().min(-180).max(180).nullable().default(null),
  })
  .refine(({ latitude, longitude }) => (latitude === null) === (longitude === null), {
    message: 'give latitude and longitude, or neither',
  })
  .meta({ id: 'Location' });
export const AttributeValue = z.union([z.string(), z.number(), z.boolean()]).meta({ id: 'AttributeValue' });
export const AttributeSet = z
  .object({
    /** Grows with every change. */
    version: z.int(),
    values: z.record(z.string(), AttributeValue),
  })
  .meta({ id: 'AttributeSet' });
export const SlotReport = z.object({
  digest: DigestHex.nullable(),
  state: z.string(),
  releaseSequence: z.int(),
  bytes: z.int(),
  /** The release whose build has this digest, when we know it. */
  release: ReleaseRef.nullable(),
});
export const FirmwareSlotReport = z.object({
  digest: DigestHex,
  state: z.string(),
  bytes: z.int(),
  /** The version whose image for this type has this digest, as NAME@VERSION, when we know it. */
  firmware: ReleaseRef.nullable(),
});
export const Device = z
  .object({
    name: Name,
    type: Name,
    tags: z.array(Tag),
    site: z.string().nullable(),
    hardwareRevision: z.string().nullable(),
    state: DeviceState,
    createdAt: Timestamp,
    /** Grows with every change by people; not with what the device reports. */
    revision: z.int(),
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
  notes: z.string(),
  location: Location.nullable(),
  attributes: z.object({
    /** By the device: what its hellos and telemetry say. */
    reported: AttributeSet,
    /** By people. */
    desired: AttributeSet,
  }),
  bootId: BootIdHex.nullable(),
  resetCause: z.string().nullable(),
  abi: z.string().nullable(),
  slots: z.array(SlotReport),
  /** The first one runs. None: it cannot update its firmware. */
  firmwareSlots: z.array(FirmwareSlotReport).default([]),
  lastError: z.object({ code: z.int(), title: z.string(), at: Timestamp }).nullable(),
  desiredRelease: ReleaseRef.nullable(),
  /** Its last hello as it came. */
  reported: z.record(z.string(), z.unknown()),
}).meta({ id: 'DeviceDetail' });
/** One change of desired attributes, from the audit log: of up to ten devices at once, not of more or from a file. */
export const AttributeChange = z
  .object({
    at: Timestamp,
    /** As in the audit log. */
    by: z.string(),
    changes: z.array(
      z.object({
        attribute: z.string(),
        /** Null: it was not there, or is not any more. */
        before: AttributeValue.nullable(),
        after: AttributeValue.nullable(),
      }),
    ),
  })
  .meta({ id: 'AttributeChange' });
export const Site = z.string().max(63);
export const HardwareRevision = z.string().max(63);
export const Notes = z.string().max(4_000);
/** Limits of keys and values: the options of AttributeLimits. */
export const Attributes = z.record(z.string(), AttributeValue);
export const DeviceRegister = z.object({
  name: Name,
  type: Name,
  tags: z.array(Tag).max(32).default([]),
  site: Site.nullable().default(null),
  hardwareRevision: HardwareRevision.nullable().default(null),
  notes: Notes.default(''),
  location: Location.nullable().default(null),
  /** Desired attributes. */
  attributes: Attributes.default({}),
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
  site: Site.nullable().optional(),
  hardwareRevision: HardwareRevision.nullable().optional(),
  notes: Notes.optional(),
  location: Location.nullable().optional(),
});
export const AttributesPatch = z.object({
  /** A value sets, null removes, what is not named stays. */
  desired: z.record(z.string(), AttributeValue.nullable()),
  /** Refused when the desired attributes have another version by now. */
  version: z.int().min(0).optional(),
});
/** e.g. `type = "wasm" and tag in ("pilot","eu") and not presence = "silent"`; docs/filters.md */
export const Filter = z.string().max(2_000).meta({ id: 'Filter' });
