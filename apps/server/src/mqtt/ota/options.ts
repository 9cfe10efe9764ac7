/** Sizes and times of ota, each with a safe default. */
export interface OtaOptions {
  /** Chunks sent for one request, whatever it asks: bounds what a device can make us send. */
  readonly maxChunksPerWant: number;
  /** Largest chunk. A device takes less when its packet buffer is smaller. */
  readonly maxChunkBytes: number;
  /** Chunks of one request are written together up to so many bytes: what a slow link can keep waiting. One chunk always goes. */
  readonly maxWriteBytes: number;
  /** Bundles in memory, in bytes. A rollout serves one bundle to many devices. */
  readonly cacheBytes: number;
  /** Lookups of a reconnecting fleet are joined for this long. */
  readonly gatherMs: number;
  /**
   * Manifests with a MAC made per second, over all devices, and the burst above it; each costs some 70 us of a core. A fleet that
   * comes back at once waits in turn.
   */
  readonly macsPerSecond: number;
  readonly macBurst: number;
  /** The answer to a hello is tried again after this time when the database is away. */
  readonly retryMs: number;
}

export const otaDefaults: OtaOptions = {
  maxChunksPerWant: 32,
  maxChunkBytes: 4_096,
  maxWriteBytes: 12_288,
  cacheBytes: 64 * 1024 * 1024,
  gatherMs: 5,
  macsPerSecond: 1_000,
  macBurst: 1_000,
  retryMs: 1_000,
};
