/**
 * Where messages of devices come from and where they go. The embedded broker is one source; a subscriber of an external broker
 * is another behind the same contract, and ingest is the one sink.
 *
 * A source
 * - hands over only messages of devices it has authenticated, with the leaf of the device's own `up/` topic;
 * - acknowledges (PUBACK) when the sink settles the message without an error, never before: then it is committed;
 * - leaves it unacknowledged when it is settled with one, and closes or redelivers, so that the device or the broker keeps it;
 * - may hand over a message again, also after it was committed: the sink counts it once;
 * - takes on nobody new while the sink `isAway`.
 *
 * The sink settles each message exactly once, in any order, and holds a bounded number of messages and bytes.
 */
import type { DeviceRecord } from './directory.js';

/** Whom a message is from. The source keeps one object for each connection, or for each device where it has no connections. */
export interface MessageOrigin {
  readonly device: DeviceRecord;
  /** Nobody waits for an acknowledgement any more. */
  readonly closed: boolean;
}

export interface SourceMessage {
  /** Last part of the topic: `telemetry`, `hello`, ... */
  readonly leaf: string;
  /** May be kept: nobody changes it. */
  readonly payload: Buffer;
  /** The broker sends it for a device that is gone: its number was given when the connection began. */
  readonly will: boolean;
}

export interface BatchSink<O extends MessageOrigin = MessageOrigin> {
  take(origin: O, message: SourceMessage, settle: (error?: Error) => void): void;
  /** Nothing could be committed for longer than messages are parked, and nothing has been since. */
  readonly isAway: boolean;
  /** Resolves when everything that came is settled. */
  drain(): Promise<void>;
}

export interface TelemetrySource {
  start(): Promise<void>;
  /** Messages may still come while it stops, such as wills: the sink is drained after it. */
  stop(): Promise<void>;
}
