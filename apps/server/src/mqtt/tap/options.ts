/** Limits of listening to devices. Each has a safe default; the comment says why you would change it. */
export interface TapOptions {
  /** Listeners at a time, to all devices. Each may cost its bytes per second of database traffic. */
  readonly maxListeners: number;
  /** Of them, to devices of one project: others have their turn. */
  readonly maxListenersOfProject: number;
  /** Of one listener; what is above is left out and counted. Raise them to watch a transfer chunk by chunk. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Messages at once above the rate: a connection begins with several. */
  readonly messageBurst: number;
  /** Payload bytes that wait to be sent, of one listener: bounds what a slow database costs. */
  readonly maxQueuedBytes: number;
  /** What is seen waits this long for company. */
  readonly flushMs: number;
  /** Longest time that a listener is served without asking again. */
  readonly maxSeconds: number;
}

export const tapDefaults: TapOptions = {
  maxListeners: 16,
  maxListenersOfProject: 8,
  messagesPerSecond: 100,
  bytesPerSecond: 131_072,
  messageBurst: 200,
  maxQueuedBytes: 262_144,
  flushMs: 40,
  maxSeconds: 60,
};
