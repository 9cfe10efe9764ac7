/** What devices that register themselves need: from storage, and from whoever reads and signs certificates. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { CredentialStores } from '../credentials/ports.js';
import type { ProjectStore } from '../ports.js';

export type ProvisioningKeySettings = Omit<Resource<'ProvisioningKeyCreate'>, 'expiresInSeconds'>;

/** A key whose row is locked until the transaction ends. */
export interface HeldKey {
  readonly scope: ProjectScope;
  readonly id: string;
  readonly name: string;
  readonly settings: ProvisioningKeySettings;
  readonly used: number;
  readonly isUsable: boolean;
}
export interface EnrolmentRecord {
  readonly state: 'pending' | 'approved' | 'rejected';
  readonly keyId: string | null;
  /** A credential of the device has been used. */
  readonly hasConnected: boolean;
}

export interface ProvisioningStore {
  listKeys(scope: ProjectScope): Promise<Resource<'ProvisioningKey'>[]>;
  /** @throws provisioning.key-exists, registry.type-not-found */
  addKey(
    scope: ProjectScope,
    key: ProvisioningKeySettings & {
      readonly id: string;
      readonly hash: Buffer;
      readonly prefix: string;
      readonly expiresAt: Date | null;
      readonly createdBy: string;
    },
  ): Promise<void>;
  /** False when there is none that is not revoked. */
  revokeKey(scope: ProjectScope, name: string): Promise<boolean>;
  /** The secret alone names its project, so this is a way to a scope. */
  holdKey(hash: Buffer): Promise<HeldKey | undefined>;
  /** Counts devices that the held key made. */
  countUse(scope: ProjectScope, keyId: string, devices: 0 | 1): Promise<void>;

  /** Undefined: there is no such device, or a person registered it. */
  enrolment(scope: ProjectScope, device: string): Promise<EnrolmentRecord | undefined>;
  listEnrolments(
    scope: ProjectScope,
    state: 'pending' | 'approved' | 'rejected',
    page: PageRequest,
  ): Promise<Page<Resource<'Enrolment'>>>;
  countPending(scope: ProjectScope, keyId: string): Promise<number>;
  addEnrolment(
    scope: ProjectScope,
    device: string,
    made: {
      readonly keyId?: string;
      readonly authorityId?: string;
      readonly state: 'pending' | 'approved';
      readonly address: string;
    },
  ): Promise<void>;
  /** @returns false when it is not in one of these states */
  decide(
    scope: ProjectScope,
    device: string,
    decision: {
      readonly from: readonly string[];
      readonly to: 'approved' | 'rejected';
      readonly by: string;
    },
  ): Promise<boolean>;

  /** Takes the place of the device's open code. @throws registry.device-not-found */
  addCode(
    scope: ProjectScope,
    device: string,
    code: {
      readonly id: string;
      readonly hash: Buffer;
      readonly expiresAt: Date;
      readonly createdBy: string;
    },
  ): Promise<void>;
  /** Uses up an open code. The code alone names its project, so this is a way to a scope. */
  redeemCode(hash: Buffer, address: string): Promise<{ scope: ProjectScope; device: string } | undefined>;
}

export interface AuthorityRecord {
  readonly id: string;
  readonly name: string;
  readonly state: 'unproven' | 'active' | 'disabled';
  /** DER. */
  readonly certificate: Buffer;
  /** SHA-256 of its key's SubjectPublicKeyInfo: what it revokes belongs to the key. */
  readonly keyHash: Buffer;
  /** Of the newest revocation list that was taken. */
  readonly crlThisUpdate: Date | null;
  /** PKCS #8, sealed; null: it is held elsewhere. */
  readonly sealedKey: Buffer | null;
  readonly challenge: string | null;
  readonly challengeExpiresAt: Date | null;
  readonly type: string | null;
  readonly tags: readonly string[];
  readonly site: string;
  readonly quota: number;
}
export interface CertificateOwner {
  readonly device: string;
  readonly credentialId: string;
  readonly isRevoked: boolean;
  readonly authority: string;
  readonly expiresAt: Date;
  /** Its authority is active, and the device neither suspended nor waiting for approval. */
  readonly mayConnect: boolean;
}

/** What a revocation list says (RFC 5280, 5). */
export interface RevocationList {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  /** As `Certificate.serial`. */
  readonly serials: readonly string[];
}

export interface Renewal {
  readonly device: string;
  readonly isLive: boolean;
  /** DER. */
  readonly certificate: Buffer;
  readonly authority: Buffer;
}

export interface AuthorityStore {
  list(scope: ProjectScope): Promise<Resource<'Authority'>[]>;
  /** @throws provisioning.authority-not-found */
  get(scope: ProjectScope, name: string): Promise<AuthorityRecord>;
  active(scope: ProjectScope): Promise<AuthorityRecord[]>;
  /** @throws provisioning.authority-exists, provisioning.authorities-too-many, registry.type-not-found */
  add(
    scope: ProjectScope,
    authority: Omit<AuthorityRecord, 'crlThisUpdate'> & {
      readonly fingerprint: Buffer;
      readonly subject: string;
      readonly notBefore: Date;
      readonly notAfter: Date;
      readonly createdBy: string;
    },
    max: number,
  ): Promise<void>;
  /** @throws provisioning.authority-not-found, registry.type-not-found */
  update(
    scope: ProjectScope,
    name: string,
    change: {
      readonly state?: 'active' | 'disabled';
      readonly type?: string | null;
      readonly tags?: readonly string[];
      readonly site?: string;
      readonly quota?: number;
    },
  ): Promise<void>;
  /** False when there is none. Its certificates go with it. */
  remove(scope: ProjectScope, name: string): Promise<boolean>;
  /** Counts one registration. False: the quota is used. */
  takeQuota(scope: ProjectScope, id: string): Promise<boolean>;
  /**
   * Refuses these serial numbers for good, whatever becomes of the authority, and revokes the credentials that have one of them, or
   * one on the way to ours. @returns how many were not refused before
   */
  revokeSerials(
    scope: ProjectScope,
    authority: Pick<AuthorityRecord, 'keyHash'>,
    revocation: { readonly serials: readonly string[]; readonly reason: string; readonly by: string },
  ): Promise<number>;
  /** Whether one of these serial numbers was revoked, or the certificate was one of a device that is gone. */
  isRevoked(
    scope: ProjectScope,
    authority: Pick<AuthorityRecord, 'keyHash'>,
    certificate: { readonly serials: readonly string[]; readonly fingerprint: Buffer },
  ): Promise<boolean>;
  noteRevocationList(scope: ProjectScope, id: string, list: Omit<RevocationList, 'serials'>): Promise<void>;
  /** How a request for a certificate was answered, and whether that certificate is still good. */
  renewal(scope: ProjectScope, requestHash: Buffer): Promise<Renewal | undefined>;
  /** Forgets answers to the same device that are older than `keepSeconds`. */
  addRenewal(
    scope: ProjectScope,
    renewal: {
      readonly requestHash: Buffer;
      readonly credentialId: string;
      readonly certificate: Buffer;
      readonly keepSeconds: number;
    },
  ): Promise<void>;
  /** Who holds the certificate with this fingerprint. */
  owner(scope: ProjectScope, fingerprint: Buffer): Promise<CertificateOwner | undefined>;
  /** Whether a device may be given a certificate of the authority: it has none but those of it that lives. */
  mayHold(scope: ProjectScope, device: string, authorityId: string): Promise<boolean>;
}

export interface ProvisioningStores extends CredentialStores {
  readonly provisioning: ProvisioningStore;
  readonly authorities: AuthorityStore;
  readonly projects: ProjectStore;
}

/** A certificate as this domain sees it. */
export interface Certificate {
  readonly der: Buffer;
  readonly pem: string;
  /** SHA-256 of the DER. */
  readonly fingerprint: Buffer;
  /** One line. */
  readonly subject: string;
  readonly issuer: string;
  readonly commonName: string | undefined;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isAuthority: boolean;
  /** SHA-256 of its key's SubjectPublicKeyInfo. */
  readonly keyHash: Buffer;
}

/** Reads, verifies and signs X.509; no policy. Implemented by the server. */
export interface Certificates {
  /** One certificate in PEM or DER. @throws provisioning.certificate-invalid */
  read(text: string | Uint8Array): Certificate;
  /** By name, key usage and signature; not by time. */
  isSignedBy(certificate: Certificate, authority: Certificate): boolean;
  /** Why a device cannot use it whatever its chain, or undefined: key, signature algorithm, what it is for. */
  unsuitableFor(certificate: Certificate, use: 'device' | 'authority'): Promise<string | undefined>;
  /**
   * Why these do not make a path (RFC 5280, 6.1), or undefined: lengths, names and uses that the authorities allow, extensions that
   * must be understood. From the device's certificate to our authority; signatures and times are not looked at.
   */
  obstacleInPath(path: readonly Certificate[]): Promise<string | undefined>;
  /** @throws provisioning.crl-invalid when it cannot be read, is not signed by the authority, or has more than `maxEntries` */
  readRevocations(
    text: string,
    authority: Certificate,
    limits: { readonly maxEntries: number },
  ): Promise<RevocationList>;
  makeAuthority(commonName: string): Promise<{ certificate: Buffer; privateKey: Buffer }>;
  /** @throws provisioning.request-invalid. `der` of the request is what a renewal signs. */
  readRequest(pem: string): Promise<{ der: Buffer }>;
  sign(order: {
    readonly request: Buffer;
    readonly commonName: string;
    readonly days: number;
    readonly authority: { readonly certificate: Buffer; readonly privateKey: Buffer };
  }): Promise<Certificate>;
  /** SHA-256 (or the key's own hash); ECDSA in DER. */
  verifySignature(certificate: Certificate, data: Uint8Array, signature: Uint8Array): boolean;
}
