/** What a device proves itself with: tokens and certificates. */
import { z } from '../zod.js';
import { DigestHex, Name, Timestamp } from '../names.js';

const DAY_S = 86_400;

export const Credential = z
  .object({
    id: z.uuid(),
    kind: z.enum(['token', 'certificate']),
    /** ending: valid, and replaced by another one. waiting: a certificate that is not valid yet. */
    state: z.enum(['active', 'ending', 'waiting', 'expired', 'revoked']),
    createdAt: Timestamp,
    createdBy: z.string(),
    startsAt: Timestamp.nullable(),
    /** Null: it does not end by itself. */
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    /** To about an hour. */
    lastUsedAt: Timestamp.nullable(),
    /** Of a certificate: whose it is, its serial number, and SHA-256 of its DER. */
    authority: Name.nullable(),
    serial: z.string().nullable(),
    fingerprint: DigestHex.nullable(),
  })
  .meta({ id: 'Credential' });

export const TokenRotate = z
  .object({
    /** The tokens before it stay valid this long, or until shortly after the device has used the new one. 0: end at once. */
    overlapSeconds: z
      .int()
      .min(0)
      .max(30 * DAY_S)
      .default(DAY_S),
  })
  .meta({ id: 'TokenRotate' });
