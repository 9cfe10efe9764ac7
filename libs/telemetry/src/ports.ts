/**
 * What ingest needs from storage. One batch is one transaction over all projects, because one edge serves them all;
 * every row carries the project of the authenticated connection, never one from a payload.
 */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { FleetError } from '@tinyfleet/errors';
import type { Hello, Sample, State } from '@tinyfleet/wire';
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
  /** Counts of its device up to this message. */
  readonly sequence?: SequenceReport | undefined;
}
/** A part of what a device measured. Kept where the project allows it. */
export interface SampleReport {
  readonly device: DeviceRecord;
  readonly message: Sample;
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
  readonly samples?: readonly SampleReport[];
  /**
   * The windows are from a file: whoever brought it is told which were refused, and nothing is counted at their devices or taken for
   * what those say now.
   */
  readonly isBackfill?: true;
}

export interface RefusedWindow {
  readonly source: WindowSource;
  readonly error: FleetError;
}
export interface IngestOutcome {
  readonly stored: number;
  readonly duplicates: number;
  /** Windows refused inside the transaction: too old, ahead of time, inconsistent. */
  readonly refusedWindows: readonly RefusedWindow[];
}

export interface IngestStore {
  /** Resolves after commit: only then may the messages be acknowledged. An empty batch asks whether one could be written. */
  commit(batch: IngestBatch): Promise<IngestOutcome>;
}

export interface PresenceChange {
  readonly projectId: string;
  readonly deviceId: string;
  readonly device: string;
  readonly connected: boolean;
  /** Unix ms at which a connection began, when one did since the last write: what the gap before it is measured by. */
  readonly beganAtMs: number | undefined;
  /** Unix ms at which the connection that it is about began. */
  readonly connectedAtMs: number;
  readonly lastSeenMs: number;
  /** As declared in hello; 0 = none, undefined = nothing said in this connection. */
  readonly dutyCycleS: number | undefined;
  /** How long to wait for a device whose usual gap is not known. */
  readonly defaultWaitS: number;
  /** The connection began or ended: tell the readers of events, not only the table. */
  readonly announce: boolean;
}

/**
 * By when a device is expected again: its duty cycle x dutyFactor, else the mean of its gaps x gapFactor and at least
 * minWaitS; with slackFactor and slackS on top. Silent after that, lost after max(lostMinS, lostFactor x wait) more.
 */
export interface PresencePolicy {
  readonly dutyFactor: number;
  readonly gapFactor: number;
  readonly minWaitS: number;
  readonly slackFactor: number;
  readonly slackS: number;
  /** Weight of the newest gap in the running mean, 0..1. */
  readonly gapWeight: number;
  /** A longer gap counts as this one. */
  readonly maxGapS: number;
  readonly lostFactor: number;
  readonly lostMinS: number;
}

export interface PresenceStore {
  write(changes: readonly PresenceChange[], policy: PresencePolicy): Promise<void>;
  /** Counts only: written behind the messages, so that a crash loses seconds of them. */
  writeSequences(reports: readonly SequenceReport[]): Promise<void>;
  /** At the start of the edge, of which there is one: nobody is connected yet, and the time since its last pulse was an outage. */
  begin(outageSeconds: number): Promise<void>;
  /**
   * The edge lives. When it could not say so for longer than `outageSeconds`, that was an outage too; so is a clock that jumped
   * forward. What a clock that went back leaves in the future is set back with it.
   */
  pulse(outageSeconds: number): Promise<void>;
  /** Moves the clocks of devices that were away by the outages not yet accounted for. May be called again after a crash. */
  applyOutages(): Promise<void>;
  /** Emits an event for devices whose time has run out. @returns how many; fewer than `limit` means all. */
  announceSilence(limit: number): Promise<number>;
}

export interface RebuiltDay {
  readonly windows: number;
  /** Windows whose bundle was not known when they came. */
  readonly named: number;
  /** Rows of sums. */
  readonly hours: number;
  readonly deviceDays: number;
  /** Labels that sums of accuracy lacked. */
  readonly labels: number;
}

export interface RollupStore {
  /** Folds the oldest open batches, up to so many. @returns whether it left some open. */
  fold(maxBatches: number): Promise<boolean>;
  /**
   * Sums of one day (unix ms of UTC midnight) anew from its windows, also from those whose bundle became known since; to sums of
   * labels is added what they lack of the labels that are kept. Folding waits.
   * @throws telemetry.day-incomplete
   */
  rebuild(scope: ProjectScope, dayMs: number): Promise<RebuiltDay>;
  /** Age of the oldest open batch in seconds, 0 when there is none: the lag of the rollups. */
  lagSeconds(): Promise<number>;
}

export interface TelemetryMaintenance {
  /** Makes the partitions of the next days and removes what is kept for followers only: events, batches that are folded. */
  maintain(policy: { readonly eventDays: number }): Promise<void>;
}
