/**
 * What the edge (broker, ingest, ota) has to know about a device, and the port it is read through. One lookup per
 * connection serves authentication, the telemetry dimensions and the answer to hello.
 */
import type { DeviceAddress } from '@tinyfleet/wire';

export interface DeviceRecord extends DeviceAddress {
  readonly projectId: string;
  readonly deviceId: string;
  readonly typeId: string;
  readonly site: string;
  readonly enabled: boolean;
  /** How it registered itself; null: a person did. Only the approved may connect. */
  readonly enrolment: 'pending' | 'approved' | 'rejected' | null;
  /** What it may prove itself with, newest first. */
  readonly credentials: readonly CredentialRecord[];
  /** Length of a telemetry window the project asks for. */
  readonly windowS: number;
  /** Keep every n-th prediction for labelling; 0 = none. */
  readonly pickEvery: number;
  /** Highest envelope sequence stored for `bootId`; both undefined before the first hello. */
  readonly bootId: bigint | undefined;
  readonly lastSequence: number;
  readonly gaps: number;
}

/** One credential of a device. Times are unix milliseconds. */
export interface CredentialRecord {
  readonly id: string;
  readonly kind: 'token' | 'certificate';
  /** SHA-256 of the token, or of the certificate's DER. */
  readonly hash: Uint8Array;
  /** Token: commands to whom connects with it can be authenticated by a key that is kept. */
  readonly hasKey: boolean;
  /** Of a certificate. */
  readonly startsAt: number | null;
  /** Null: never. */
  readonly expiresAt: number | null;
  /** About; null: never used. */
  readonly usedAt: number | null;
}

/** Reads of many devices at once: a fleet reconnects together. The answer has the order of the question. */
export interface DeviceDirectory {
  find(addresses: readonly DeviceAddress[]): Promise<readonly (DeviceRecord | undefined)[]>;
}
