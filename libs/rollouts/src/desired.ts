/** What a device is told when it says hello, and the port that knows it. */

export interface DesiredRecord {
  readonly deviceId: string;
  /** Rises with every change within a project; 0 = nothing was ever desired. */
  readonly revision: number;
  /** Deployment number, 0 = nothing to do. */
  readonly deployment: number;
  readonly bundle: DesiredBundle | undefined;
}

export interface DesiredBundle {
  /** SHA-256. */
  readonly digest: Buffer;
  readonly bytes: number;
  /** The signed SUIT envelope. */
  readonly manifest: Buffer;
  readonly soakS: number;
}

export interface DesiredStore {
  /** In the order of the question; a device without desired state gets revision 0. */
  load(
    devices: readonly { readonly projectId: string; readonly deviceId: string }[],
  ): Promise<DesiredRecord[]>;
  /** Devices whose desired state changed after a revision, in order of revision. */
  changedAfter(
    projectId: string,
    revision: number,
    limit: number,
  ): Promise<{ readonly device: string; readonly revision: number }[]>;
  /** Highest revision given so far, per project. */
  lastRevisions(projectIds: readonly string[]): Promise<Map<string, number>>;
}
