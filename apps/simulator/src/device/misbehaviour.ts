/** What a bundle does on a device in the field although its self-test passes there. */
export interface Misbehaviour {
  /** Whether the bundle with this digest, hex, is such a one. */
  readonly of: (digest: string) => boolean;
  /** An inference ends so. */
  readonly reset?: 'fault' | 'watchdog';
  /** Of each boot, before the first reset. */
  readonly afterInferences: number;
  /** On top of what the device uses anyway. */
  readonly drainPercentPerDay: number;
}
