/** What credentials of devices need from storage. */
import type { AuditLog, EventSink, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { DeviceStore } from '../ports.js';

export interface NewToken {
  readonly id: string;
  readonly hash: Buffer;
  /** See `DeviceKeySealer`. */
  readonly sealedKey: Buffer;
  readonly createdBy: string;
  readonly expiresAt?: Date;
}
export interface NewCertificate {
  readonly id: string;
  /** SHA-256 of the DER. */
  readonly fingerprint: Buffer;
  readonly authorityId: string;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  readonly subject: string;
  readonly startsAt: Date;
  readonly expiresAt: Date;
  /** Serial numbers of the authorities between it and ours. */
  readonly betweenSerials: readonly string[];
  readonly createdBy: string;
}

export interface CredentialStore {
  /** Newest first, those that have ended included. @throws registry.device-not-found */
  list(scope: ProjectScope, device: string): Promise<Resource<'Credential'>[]>;
  /** First tokens of devices that were just made, in one statement. */
  addFirst(scope: ProjectScope, tokens: readonly (NewToken & { readonly device: string })[]): Promise<void>;
  /** @throws registry.device-not-found, provisioning.credentials-too-many beyond `maxLive` that have not ended */
  addToken(scope: ProjectScope, device: string, token: NewToken, maxLive: number): Promise<void>;
  /** @throws as `addToken`, and provisioning.certificate-known when the project has that certificate already */
  addCertificate(
    scope: ProjectScope,
    device: string,
    certificate: NewCertificate,
    maxLive: number,
  ): Promise<void>;
  /**
   * Live credentials of the kind end in favour of `by`: after `overlapSeconds`, or sooner when `by` is used
   * (`CredentialUsage.note`). @returns how many
   */
  replace(
    scope: ProjectScope,
    device: string,
    by: { readonly id: string; readonly kind: 'token' | 'certificate'; readonly overlapSeconds: number },
  ): Promise<number>;
  /** Whether a device that may connect has this token. Compared by the hash of 256 random bits: the time tells nothing. */
  holdsToken(scope: ProjectScope, device: string, hash: Buffer): Promise<boolean>;
  /** One, or without an id all that live. @returns how many. @throws registry.device-not-found, provisioning.credential-not-found */
  revoke(scope: ProjectScope, device: string, id: string | undefined): Promise<number>;
}

/** A credential was used to connect. */
export interface CredentialUse {
  readonly projectId: string;
  readonly credentialId: string;
  readonly at: Date;
  /** The device's key, where none is kept for the token yet. */
  readonly sealedKey: Buffer | undefined;
}
/** What the edge tells of credentials, many in one statement. */
export interface CredentialUsage {
  /**
   * Notes the uses, and ends what a used one replaces after `graceSeconds`.
   * @returns devices of which a credential got another end
   */
  note(
    uses: readonly CredentialUse[],
    graceSeconds: number,
  ): Promise<{ readonly project: string; readonly device: string }[]>;
  /** Tells once, by events, of certificates in use that end within these days and have no successor. @returns how many there are */
  warn(withinDays: number): Promise<number>;
}

export interface CredentialStores {
  readonly devices: DeviceStore;
  readonly credentials: CredentialStore;
  readonly events: EventSink;
  readonly audit: AuditLog;
}
