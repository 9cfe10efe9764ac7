/** Firmware: images of a name and version, one for each device type. */
import { z } from '../zod.js';
import { DigestHex, Name, Timestamp, Version } from '../names.js';

export const Firmware = z
  .object({ name: Name, createdAt: Timestamp, latestVersion: Version.nullable(), versionCount: z.int() })
  .meta({ id: 'Firmware' });

/** What models find on a device that runs the image, as it would say in hello. */
export const FirmwareProvides = z
  .object({
    /** Runtime ABI `major.minor`. */
    abi: z.string().regex(/^\d{1,5}\.\d{1,5}$/, 'is written major.minor'),
    /** Names of docs/spec/supported-ops.md. */
    ops: z.array(z.string().regex(/^[A-Z][A-Z0-9_]{0,47}$/)).max(320),
    arenaBytes: z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
    stateBytes: z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
    /** Names of docs/spec/wire.cddl; null: nothing is said, and nothing is checked. */
    sensors: z.array(z.string()).max(8).nullable(),
  })
  .meta({ id: 'FirmwareProvides' });

export const FirmwareImage = z
  .object({
    firmware: Name,
    version: Version,
    deviceType: Name,
    fileName: z.string(),
    digest: DigestHex,
    bytes: z.int(),
    provides: FirmwareProvides,
    /** Lowest firmware version that may be updated to it; null: any. */
    from: Version.nullable(),
    createdAt: Timestamp,
    createdBy: z.string(),
  })
  .meta({ id: 'FirmwareImage' });
