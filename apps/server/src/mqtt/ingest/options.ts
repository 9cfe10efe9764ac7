/** Sizes and times of ingest, each with a safe default. */
export interface IngestOptions {
  /** A batch closes at so many messages ... */
  readonly batchRows: number;
  /** ... or this long after its first one. Longer saves commits, and delays acknowledgements by as much. */
  readonly batchMs: number;
  /** Batches in commit at a time: they share the wait for the disk, and one encodes while others are in the database. */
  readonly writers: number;
  /** Messages that wait for a commit, over all devices; beyond it connections are closed, and devices repeat later. */
  readonly maxQueued: number;
  /** A message that could not be committed for this long closes its connection: the device keeps it. */
  readonly parkMs: number;
  /** Pause before a failed commit is tried again. */
  readonly retryMs: number;
  /** Largest telemetry payload; the design's message is 300 bytes. */
  readonly maxTelemetryBytes: number;
  /** Largest part of a sample, envelope included. A device sends what fits its own packet buffer. */
  readonly maxSampleBytes: number;
}

export const ingestDefaults: IngestOptions = {
  batchRows: 2_000,
  batchMs: 20,
  writers: 4,
  maxQueued: 100_000,
  parkMs: 45_000,
  retryMs: 250,
  maxTelemetryBytes: 4_096,
  maxSampleBytes: 8_192,
};
