/** Limits and times of the broker. Each has a safe default; the comment says why you would change it. */
import { throttleDefaults, type ThrottleOptions } from './auth-throttle.js';

export interface BrokerOptions {
  /** Authenticated devices at a time. 15-18 KB of memory each. Raise it with the process's memory and open files. */
  readonly maxConnections: number;
  /** Sockets that have not authenticated yet: bounds what strangers can hold. */
  readonly maxPendingConnections: number;
  /** A CONNECT has to arrive within this time. Raise it for very slow radio links. */
  readonly connectTimeoutMs: number;
  /** Largest CONNECT. Two names, a token and a will fit in a quarter of it. */
  readonly maxConnectBytes: number;
  /** Largest packet of an authenticated device, topic and header included. Raise it for larger samples. */
  readonly maxPacketBytes: number;
  /** Messages per second and device, sustained, and the burst above it. A stored history is sent as a burst. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /**
   * Messages of one device that wait for their commit. A connection is read again only when they are done, so that one
   * read of 64 KiB is the natural bound; this one catches what gets around it.
   */
  readonly maxInFlight: number;
  /** Longest keepalive granted; 0 (none) or more in CONNECT is treated as this. Lower finds dead peers sooner. */
  readonly maxKeepaliveS: number;
  /**
   * Least keepalive of a device that publishes. A message waits for its commit up to 45 s, and what the device sends meanwhile,
   * its pings included, may wait behind it; the connection lives for 1.5 x its keepalive.
   */
  readonly minPublisherKeepaliveS: number;
  /** A peer that does not read for this long is dropped, so that it cannot hold memory or stall others. */
  readonly drainTimeoutMs: number;
  /** Failed attempts to authenticate, and when they are held up. */
  readonly throttle: ThrottleOptions;
  /** A replaced credential still works this long after its successor was used first. 0: not at all. */
  readonly replacedGraceS: number;
  /** Clocks of those who sign certificates may be wrong by so much. */
  readonly certificateSkewS: number;
  /** How long a looked-up credential is trusted without asking the database. Changes invalidate it at once. */
  readonly credentialTtlMs: number;
  /** A lookup that takes longer, or fails, is answered from the cache, however old, if its device was let in by it. */
  readonly credentialWaitMs: number;
  /** Connections are compared with the database this often, in case an event was lost. */
  readonly sweepMs: number;
}

export const brokerDefaults: BrokerOptions = {
  maxConnections: 20_000,
  maxPendingConnections: 2_000,
  connectTimeoutMs: 10_000,
  maxConnectBytes: 2_048,
  maxPacketBytes: 16_384,
  messagesPerSecond: 500,
  messageBurst: 2_000,
  maxInFlight: 4_096,
  maxKeepaliveS: 3_600,
  minPublisherKeepaliveS: 60,
  drainTimeoutMs: 5_000,
  throttle: throttleDefaults,
  replacedGraceS: 600,
  certificateSkewS: 300,
  credentialTtlMs: 60_000,
  credentialWaitMs: 3_000,
  sweepMs: 30_000,
};
