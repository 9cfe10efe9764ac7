/**
 * Names, versions and addresses as they are typed everywhere: URLs, topics, the CLI and the dashboard.
 */
import { z } from './zod.js';

/** Projects, devices, device types and models. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/;
export const Name = z
  .string()
  .regex(NAME_PATTERN, 'use 1 to 63 of a-z 0-9 . _ - and start with a letter or digit')
  .meta({ id: 'Name' });

export const VERSION_PATTERN = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/;
/** Semantic version without build metadata. */
export const Version = z
  .string()
  .max(64)
  .regex(VERSION_PATTERN, 'use a semantic version such as 1.2.0')
  .meta({ id: 'Version' });

/** `model@version`: how a release is addressed. */
export const ReleaseRef = z
  .string()
  .max(128)
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}@\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/,
    'use model@version, such as kws@1.1.0',
  )
  .meta({ id: 'ReleaseRef' });

export const Tag = z.string().regex(NAME_PATTERN).meta({ id: 'Tag' });

/** SHA-256 as 64 lower-case hexadecimal digits. */
export const DigestHex = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ id: 'DigestHex' });

/** RFC 3339 in UTC. */
export const Timestamp = z.iso.datetime().meta({ id: 'Timestamp' });

/** 64-bit boot id as 16 hexadecimal digits (JSON has no 64-bit integers). */
export const BootIdHex = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .meta({ id: 'BootIdHex' });

/** Splits `model@version`. The caller has validated it with {@link ReleaseRef}. */
export function splitReleaseRef(ref: string): { model: string; version: string } {
  const at = ref.lastIndexOf('@');
  return { model: ref.slice(0, at), version: ref.slice(at + 1) };
}
