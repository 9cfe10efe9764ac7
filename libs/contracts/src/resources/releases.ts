/** Releases and the keys that sign them. */
import { z } from '../zod.js';
import { DigestHex, Name, ReleaseRef, Timestamp, Version } from '../names.js';

export const Release = z
  .object({
    ref: ReleaseRef,
    model: Name,
    version: Version,
    sequence: z.int(),
    state: z.enum(['draft', 'signed', 'revoked']),
    notes: z.string(),
    createdAt: Timestamp,
    createdBy: z.string(),
    signedAt: Timestamp.nullable(),
    notAfter: Timestamp.nullable().default(null),
    builds: z.array(
      z.object({
        deviceType: Name,
        bundleDigest: DigestHex,
        bundleBytes: z.int(),
        manifestBytes: z.int().nullable(),
        /** How it may travel for less than its own bytes: docs/design/transfer.md. */
        transfers: z
          .array(
            z.object({
              method: z.enum(['compressed', 'delta']),
              /** Of a delta: the bundle that a device must hold, and its release. */
              baseDigest: DigestHex.nullable(),
              base: ReleaseRef.nullable(),
              /** Largest flash sector that it is for. */
              sectorBytes: z.int(),
              /** `useless`: it saves too little to be offered. */
              state: z.enum(['queued', 'ready', 'useless', 'failed']),
              bytes: z.int().nullable(),
            }),
          )
          .default([]),
      }),
    ),
    provenance: z.object({ sourceDigest: DigestHex, compilerVersion: z.string() }),
  })
  .meta({ id: 'Release' });
export const ReleaseCreate = z.object({
  model: Name,
  version: Version,
  sign: z.boolean().default(false),
  notes: z.string().max(10_000).default(''),
  /** How long a device must be healthy before it gives up the old slot. Default: one telemetry window, at most 600. */
  soakSeconds: z.int().min(0).max(604_800).optional(),
  /** No device is offered it after this time. Default: for ever. */
  notAfter: Timestamp.optional(),
});
export const SigningKey = z
  .object({
    keyId: z.string(),
    algorithm: z.literal('ed25519'),
    publicKeyHex: z.string(),
    /** Rises with each rotation. */
    sequence: z.int(),
    /** `next`: handed to devices, signs nothing yet. `active`: signs releases. `retired`: only hands over to the active one. */
    state: z.enum(['next', 'active', 'retired']),
    createdAt: Timestamp,
    /** Devices that trust it, by their last hello: as the key they have, or as the one that may follow. */
    devices: z.object({ current: z.int(), next: z.int() }),
  })
  .meta({ id: 'SigningKey' });
