/** Devices that register themselves: provisioning keys, claim codes, certificate authorities, and what devices send. */
import { z } from '../zod.js';
import { DigestHex, Name, Tag, Timestamp } from '../names.js';

const DAY_S = 86_400;

/** A PEM text, or several behind each other. */
export const Pem = z.string().min(1).max(16_384).meta({ id: 'Pem' });

export const ProvisioningKey = z
  .object({
    name: Name,
    /** First characters of the secret. */
    prefix: z.string(),
    types: z.array(Name),
    nameTemplate: z.string(),
    tags: z.array(Tag),
    site: z.string().nullable(),
    quota: z.int(),
    used: z.int(),
    needsApproval: z.boolean(),
    maxPending: z.int(),
    again: z.enum(['never', 'until-connected', 'always']),
    state: z.enum(['active', 'expired', 'used-up', 'revoked']),
    createdAt: Timestamp,
    createdBy: z.string(),
    expiresAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable(),
  })
  .meta({ id: 'ProvisioningKey' });
export const ProvisioningKeyCreate = z
  .object({
    name: Name,
    /** Types of devices it is for; with one a device need not name its own. */
    types: z.array(Name).min(1).max(32),
    /** {name}: as the device proposes, {type}, {number}: counts up, {random}: 8 hexadecimal digits. */
    nameTemplate: z.string().min(1).max(63).default('{name}'),
    tags: z.array(Tag).max(32).default([]),
    site: z.string().max(63).nullable().default(null),
    /** Devices it may make. */
    quota: z.int().min(1).max(1_000_000).default(1_000),
    /** Devices wait until a person lets them in. */
    needsApproval: z.boolean().default(true),
    /** Devices that may wait at a time. */
    maxPending: z.int().min(1).max(100_000).default(1_000),
    /**
     * A device that asks once more, because an answer was lost or its memory erased: refused, answered as long as it never
     * connected, or always (then whoever has the key can take over its devices).
     */
    again: z.enum(['never', 'until-connected', 'always']).default('until-connected'),
    /** Null: it does not end. */
    expiresInSeconds: z
      .int()
      .min(60)
      .max(3_650 * DAY_S)
      .nullable()
      .default(90 * DAY_S),
  })
  .meta({ id: 'ProvisioningKeyCreate' });
export const ProvisioningKeyCreated = ProvisioningKey.extend({
  /** Shown once. */
  key: z.string(),
}).meta({ id: 'ProvisioningKeyCreated' });

export const Enrolment = z
  .object({
    device: Name,
    type: Name,
    state: z.enum(['pending', 'approved', 'rejected']),
    /** Provisioning key or certificate authority; null: it was removed. */
    by: z.string().nullable(),
    address: z.string(),
    askedAt: Timestamp,
  })
  .meta({ id: 'Enrolment' });

export const ClaimCodeCreate = z.object({
  /** Makes the device when there is none of the name. */
  type: Name.optional(),
  expiresInSeconds: z
    .int()
    .min(60)
    .max(90 * DAY_S)
    .default(DAY_S),
});
export const ClaimCode = z
  .object({
    device: Name,
    /** Shown once; case, dashes and blanks do not matter when it is typed. */
    code: z.string(),
    expiresAt: Timestamp,
    /** For a QR code: server, code and the SHA-256 of the server's certificate authority when it has an own one. */
    uri: z.string(),
  })
  .meta({ id: 'ClaimCode' });

export const Authority = z
  .object({
    name: Name,
    state: z.enum(['unproven', 'active', 'disabled']),
    /** Made here: it signs certificate requests of devices. */
    signs: z.boolean(),
    subject: z.string(),
    fingerprint: DigestHex,
    notBefore: Timestamp,
    notAfter: Timestamp,
    /** Type of devices that register by their certificate at their first connect; null: none do. */
    type: Name.nullable(),
    tags: z.array(Tag),
    site: z.string().nullable(),
    quota: z.int(),
    registered: z.int(),
    /** Certificates in use. */
    certificates: z.int(),
    /** Of an unproven one: common name of the certificate that proves it. */
    challenge: z.string().nullable(),
    challengeExpiresAt: Timestamp.nullable(),
    /** The newest revocation list that was uploaded. After `nextUpdate` what it revoked stays so, and devices still come in. */
    crl: z.object({ thisUpdate: Timestamp, nextUpdate: Timestamp, entries: z.int() }).nullable(),
    createdAt: Timestamp,
    createdBy: z.string(),
  })
  .meta({ id: 'Authority' });
const registers = {
  type: Name.nullable(),
  tags: z.array(Tag).max(32),
  site: z.string().max(63).nullable(),
  quota: z.int().min(0).max(1_000_000),
};
export const AuthorityCreate = z
  .object({
    name: Name,
    /** An authority of yours; without it one is made here, with its key. */
    certificate: Pem.optional(),
    type: registers.type.default(null),
    tags: registers.tags.default([]),
    site: registers.site.default(null),
    quota: registers.quota.default(1_000),
  })
  .meta({ id: 'AuthorityCreate' });
export const AuthorityPatch = z
  .object({ ...registers, state: z.enum(['active', 'disabled']) })
  .partial()
  .meta({ id: 'AuthorityPatch' });
export const SerialRevoke = z.object({
  /** Hexadecimal, colons allowed. */
  serial: z
    .string()
    .max(80)
    .regex(/^[0-9A-Fa-f:]{1,80}$/, 'use hexadecimal digits'),
  reason: z.string().max(200).default(''),
});

export const CrlUpload = z.object({
  /** A complete list in PEM, signed by the authority. */
  crl: z.string().min(1).max(4_194_304),
});

export const CertificateSign = z.object({
  /** PKCS #10 in PEM. */
  csr: Pem,
  days: z.int().min(1).max(825).default(365),
});
export const SignedCertificate = z
  .object({ certificate: Pem, authority: Pem, expiresAt: Timestamp })
  .meta({ id: 'SignedCertificate' });

/** What a device sends to get its identity. Exactly one of `key` and `code`. */
export const ProvisionRequest = z
  .object({
    key: z.string().max(128).optional(),
    code: z.string().max(64).optional(),
    /** Proposed, such as a serial number. Only with `key`. */
    name: z.string().max(200).optional(),
    type: z.string().max(63).optional(),
    /** PKCS #10 in PEM: answered with a certificate instead of a token. */
    csr: Pem.optional(),
  })
  .refine(({ key, code }) => (key === undefined) !== (code === undefined), {
    message: 'send either key or code',
  })
  .meta({ id: 'ProvisionRequest' });
export const Provisioned = z
  .object({
    /** MQTT client id and username. */
    clientId: z.string(),
    /** pending: it may connect once a person has let it in; until then it tries again now and then. */
    state: z.enum(['claimed', 'pending']),
    token: z.string().nullable(),
    certificate: Pem.nullable(),
    /** Who signed the certificate. */
    authority: Pem.nullable(),
    expiresAt: Timestamp.nullable(),
  })
  .meta({ id: 'Provisioned' });

/** A device asks for its next certificate: by the one it has, or by its token. */
export const CertificateRequest = z
  .object({
    csr: Pem,
    clientId: z.string().max(127).optional(),
    token: z.string().max(256).optional(),
    certificate: Pem.optional(),
    /** Base64: the key of `certificate` over `tinyfleet:renew:1`, a zero byte and the DER of the request; SHA-256, ECDSA in DER. */
    signature: z.string().max(2_048).optional(),
  })
  .refine(
    ({ clientId, token, certificate, signature }) =>
      clientId !== undefined && token !== undefined
        ? certificate === undefined && signature === undefined
        : certificate !== undefined && signature !== undefined,
    { message: 'send clientId and token, or certificate and signature' },
  )
  .meta({ id: 'CertificateRequest' });
