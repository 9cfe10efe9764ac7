/** Releases and the keys that sign them. */
import { z } from '../zod.js';
import { DigestHex, Name, ReleaseRef, Timestamp, Version } from '../names.js';

/**
 * draft: made. validated: its builds have passed the checks. approved: may be rolled out. deprecated: the same, with a
 * warning. revoked: no device is offered it any more. Whether it is signed is another matter: `signedAt`.
 */
export const ReleaseState = z
  .enum(['draft', 'validated', 'approved', 'deprecated', 'revoked'])
  .meta({ id: 'ReleaseState' });

export const Release = z
  .object({
    ref: ReleaseRef,
    /** What it is named after: a model, or firmware alone. */
    component: z.enum(['model', 'firmware']).default('model'),
    /** Of the model, or of the firmware. */
    model: Name,
    version: Version,
    sequence: z.int(),
    state: ReleaseState,
    /** The last change of the state; null: as it was made. */
    stateChange: z.object({ at: Timestamp, by: z.string(), reason: z.string() }).nullable().default(null),
    notes: z.string(),
    createdAt: Timestamp,
    createdBy: z.string(),
    signedAt: Timestamp.nullable(),
    /** Key that it was signed with first. */
    signedBy: z.string().nullable().default(null),
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
    /** Installed before the model, where a device does not run it yet. */
    firmware: z
      .object({
        ref: ReleaseRef,
        images: z.array(
          z.object({
            deviceType: Name,
            digest: DigestHex,
            bytes: z.int(),
            manifestBytes: z.int().nullable(),
          }),
        ),
      })
      .nullable()
      .default(null),
    provenance: z.object({ sourceDigest: DigestHex, compilerVersion: z.string() }),
  })
  .meta({ id: 'Release' });
export const ReleaseCreate = z.object({
  /** A model; or firmware, for a release of it alone. */
  model: Name,
  version: Version,
  /** Firmware that the model needs and devices install first, as `name@version`. */
  firmware: ReleaseRef.optional(),
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
    /**
     * `next`: handed to devices, signs nothing yet. `active`: signs releases. `retired`: only hands over to the active one.
     * `withdrawn`: was next and never signed. `revoked`: retired, and nothing by it is offered any more.
     */
    state: z.enum(['next', 'active', 'retired', 'withdrawn', 'revoked']),
    /** False: the private half is kept elsewhere, and signatures by it are brought in. */
    held: z.boolean().default(true),
    createdAt: Timestamp,
    /** Devices that trust it, by their last hello: as the key they have, or as the one that may follow. */
    devices: z.object({ current: z.int(), next: z.int() }),
  })
  .meta({ id: 'SigningKey' });

const KeyId = z.string().regex(/^[0-9a-f]{16}$/);
/** fallback: sequence 2k + 1, over the bundle of the release before. firmware: of what is installed before the model. */
const ManifestKind = z.enum(['release', 'fallback', 'firmware', 'firmware-fallback']);
const SignatureHex = z.string().regex(/^[0-9a-f]{128}$/);
export const ReleaseReason = z.object({ reason: z.string().max(500).default('') });
export const ReleaseValidate = z.object({
  /** What quantization may cost at most, where a validation set was measured on both: a share of 1. */
  maxAccuracyDrop: z.number().min(0).max(1).default(0.05),
});
/**
 * What a key is to sign, for one that is kept elsewhere. Manifests are given by their content: whoever signs makes the bytes
 * itself and need not trust these. Sign `provenance` as DSSE's pre-authentication encoding of both its texts.
 */
export const SigningRequest = z
  .object({
    release: ReleaseRef,
    keyId: z.string(),
    publicKeyHex: z.string(),
    manifests: z.array(
      z.object({
        deviceType: Name,
        kind: ManifestKind,
        /** As `tinyfleet wire decode manifest` shows one, without its signature. */
        content: z.record(z.string(), z.unknown()),
      }),
    ),
    provenance: z.object({ payloadType: z.string(), payload: z.string() }),
  })
  .meta({ id: 'SigningRequest' });
export const ReleaseSignatures = z
  .object({
    keyId: KeyId,
    manifests: z
      .array(z.object({ deviceType: Name, kind: ManifestKind, signatureHex: SignatureHex }))
      .min(1)
      .max(4_000),
    provenance: SignatureHex,
  })
  .meta({ id: 'ReleaseSignatures' });
/** DSSE 1.0: an in-toto statement with SLSA provenance, and one signature for each key that has signed the release. */
export const DsseEnvelope = z
  .object({
    payloadType: z.literal('application/vnd.in-toto+json'),
    /** Base64. */
    payload: z.string(),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  })
  .meta({ id: 'DsseEnvelope' });
/**
 * CycloneDX 1.6: the model with its card, the bundles, data sets, compiler and runtime. CycloneDX has the schema. The provenance
 * names the SHA-256 of these very bytes.
 */
export const Bom = z.record(z.string(), z.unknown()).meta({ id: 'Bom' });
/** A device that is to be told of another key, by the key that it has, which is kept elsewhere. */
export const KeyHandover = z
  .object({
    device: Name,
    /** Key that has to sign it. */
    by: z.string(),
    /** Of the message; greater than that of any command the device has taken. */
    counter: z.int(),
  })
  .meta({ id: 'KeyHandover' });
/** What goes to where the private key is: all that the messages are made of. */
export const HandoverRequest = z
  .object({
    project: Name,
    next: z.object({ keyId: KeyId, publicKeyHex: z.string().regex(/^[0-9a-f]{64}$/), sequence: z.int() }),
    devices: z.array(KeyHandover),
  })
  .meta({ id: 'HandoverRequest' });
/** And what comes back. */
export const KeyHandovers = z
  .object({
    by: KeyId,
    asks: z
      .array(
        z.object({
          device: Name,
          /** The whole `down/ask` (docs/spec/wire.md, Commands). */
          askHex: z
            .string()
            .max(1_024)
            .regex(/^(?:[0-9a-f]{2})+$/),
        }),
      )
      .min(1)
      .max(500),
  })
  .meta({ id: 'KeyHandovers' });
export const SigningKeyRotate = z.object({
  /** Raw Ed25519 public key of a pair made elsewhere, whose private half stays there. Default: the server makes one. */
  publicKeyHex: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
