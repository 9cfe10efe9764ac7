/** Sizes and times of ingest, each with a safe default. */
export interface IngestOptions {
  /** A batch closes at so many messages ... */
  readonly batchRows: number;
  /** ... or this long after its first one. Longer saves commits, and delays acknowledgements by as much. */
  readonly batchMs: number;
  /** After as long without a batch nothing is gained by waiting: only what comes at the same time is gathered. */
  readonly idleBatchMs: number;
  /** A batch of fewer messages waits for the one in commit, ... */
  readonly smallBatchRows: number;
  /** ... but not longer than this after its first message. */
  readonly smallBatchMs: number;
  /** Batches in commit at a time; more than the thread of batches has connections, so that one is at hand when a commit ends. */
  readonly writers: number;
  /** Messages that wait for a commit, over all devices; beyond it connections are closed, and devices repeat later. */
  readonly maxQueued: number;
  /** The same in bytes, what each costs beside its payload included. */
  readonly maxQueuedBytes: number;
  /** Connections that are closed in a second because their messages could not be committed: a fleet comes back as fast. */
  readonly closingsPerSecond: number;
  /** A message that could not be committed for this long closes its connection: the device keeps it. */
  readonly parkMs: number;
  /** Pause before a failed commit is tried again. */
  readonly retryMs: number;
  /** Largest telemetry payload; the design's message is 300 bytes. */
  readonly maxTelemetryBytes: number;
  /** Largest part of a sample, envelope included. A device sends what fits its own packet buffer. */
  readonly maxSampleBytes: number;
  /** Largest sample of all its parts. */
  readonly maxWholeSampleBytes: number;
}

export const ingestDefaults: IngestOptions = {
  batchRows: 2_000,
  batchMs: 20,
  idleBatchMs: 2,
  smallBatchRows: 200,
  smallBatchMs: 60,
  writers: 8,
  maxQueued: 100_000,
  maxQueuedBytes: 128 * 2 ** 20,
  closingsPerSecond: 200,
  parkMs: 45_000,
  retryMs: 250,
  maxTelemetryBytes: 4_096,
  maxSampleBytes: 8_192,
  maxWholeSampleBytes: 65_536,
};
