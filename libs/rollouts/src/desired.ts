/** What a device is told when it says hello, and the port that knows it. */

export interface DesiredRecord {
  readonly deviceId: string;
  /** Rises with every change within a project; 0 = nothing was ever desired. */
  readonly revision: number;
  /** Deployment number, 0 = nothing to do. */
  readonly deployment: number;
  readonly bundle: DesiredBundle | undefined;
  /** The bundle runs as shadow on every n-th inference; null: it is installed. */
  readonly shadowEvery: number | null;
  /** Telemetry window that an open gate asks for; null: the project's. */
  readonly windowS: number | null;
  /** Limit of chunks to all devices of the project together; null: none. */
  readonly bytesPerSecond: number | null;
  /** Of an offer that was not begun yet: how many a minute its rollout may make. */
  readonly rate: { readonly rollout: string; readonly perMinute: number } | undefined;
  /** Of a device that can verify a MAC and nothing else: the key of its credential, sealed. Undefined where there is none. */
  readonly hmac: { readonly sealedKey: Buffer | undefined } | undefined;
}

export interface DesiredBundle {
  /** SHA-256. */
  readonly digest: Buffer;
  readonly bytes: number;
  /** The signed SUIT envelope. */
  readonly manifest: Buffer;
  /** The project's raw public key that verifies it. */
  readonly signedBy: Buffer | undefined;
  /** What to send instead of the bundle: smaller, and of use to this very device. */
  readonly payload: DesiredPayload | undefined;
  /** The payload or bundle whose transfer has begun. */
  readonly begunDigest: Buffer | undefined;
}

export interface DesiredPayload {
  readonly method: 'compressed' | 'delta';
  /** SHA-256 of the payload. */
  readonly digest: Buffer;
  readonly bytes: number;
  /** Of a delta: the bundle in a committed slot that it is made against. */
  readonly baseDigest: Buffer | undefined;
}

/** A device has asked for the first bytes of `digest`, a payload or the bundle itself. */
export interface BegunTransfer {
  readonly projectId: string;
  readonly deviceId: string;
  /** Of the desired state that it belongs to: when another is desired by now, nothing is noted. */
  readonly revision: number;
  readonly digest: Buffer;
}

export interface ConnectedDevice {
  readonly projectId: string;
  readonly deviceId: string;
  /** What it has connected with: its key is derived from that. */
  readonly credentialId: string;
}

export interface DesiredStore {
  /** In the order of the question; a device without desired state gets revision 0. */
  load(devices: readonly ConnectedDevice[]): Promise<DesiredRecord[]>;
  /** From now on these are offered and nothing else, until the transfer ends or another release is desired. */
  begin(transfers: readonly BegunTransfer[]): Promise<void>;
  /** Devices whose desired state changed after a revision, in order of revision. */
  changedAfter(
    projectId: string,
    revision: number,
    limit: number,
  ): Promise<{ readonly device: string; readonly revision: number }[]>;
  /** Highest revision given so far, per project. */
  lastRevisions(projectIds: readonly string[]): Promise<Map<string, number>>;
}
