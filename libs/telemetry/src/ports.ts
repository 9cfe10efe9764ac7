/**
 * What ingest needs from storage. One batch is one transaction over all projects, because one edge serves them all;
 * every row carries the project of the authenticated connection, never one from a payload.
 */
import type { Hello, State } from '@tinyfleet/wire';
import type { DeviceRecord } from './directory.js';
import type { WindowSource } from './window.js';

export interface HelloReport {
  readonly device: DeviceRecord;
  readonly message: Hello;
  readonly receivedAtMs: number;
}
export interface StateReport {
  readonly device: DeviceRecord;
  readonly message: State;
  readonly receivedAtMs: number;
}
/** A message that was not stored: counted by code, the first bytes of the last one kept as evidence. */
export interface Refusal {
  readonly projectId: string;
  readonly deviceId: string;
  readonly code: string;
  readonly sample: Uint8Array;
}
/** Highest sequence number of the boot and how many below it never came. */
export interface SequenceReport {
  readonly projectId: string;
  readonly deviceId: string;
  readonly bootId: bigint;
  readonly last: number;
  readonly gaps: number;
}

export interface IngestBatch {
  readonly hellos: readonly HelloReport[];
  readonly states: readonly StateReport[];
  readonly windows: readonly WindowSource[];
  readonly refusals: readonly Refusal[];
}

export interface IngestOutcome {
  readonly stored: number;
  readonly duplicates: number;
  /** Windows refused inside the transaction: too old, ahead of time, inconsistent. */
  readonly refused: number;
}

export interface IngestStore {
  /** Resolves after commit: only then may the messages be acknowledged. */
  commit(batch: IngestBatch): Promise<IngestOutcome>;
}

export interface PresenceChange {
  readonly projectId: string;
  readonly deviceId: string;
  readonly device: string;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  readonly nextContactByMs: number;
  /** The connection began or ended: tell the readers of events, not only the table. */
  readonly announce: boolean;
}

export interface PresenceStore {
  write(changes: readonly PresenceChange[]): Promise<void>;
  /** Counts only: written behind the messages, so that a crash loses seconds of them. */
  writeSequences(reports: readonly SequenceReport[]): Promise<void>;
  /** At the start of the edge, of which there is one: nobody is connected yet. */
  disconnectAll(): Promise<void>;
}

export interface RollupStore {
  /** Folds the oldest open batches. @returns how many batches; 0 = none is open. */
  fold(maxBatches: number): Promise<number>;
  /** Age of the oldest open batch in seconds, 0 when there is none: the lag of the rollups. */
  lagSeconds(): Promise<number>;
}

export interface TelemetryMaintenance {
  /** Makes the partitions of the next days and drops what is past its retention. */
  maintain(policy: {
    readonly rawDays: number;
    readonly eventDays: number;
    readonly predictionDays: number;
  }): Promise<void>;
}
