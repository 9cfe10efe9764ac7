/**
 * Messages between `tinyfleet up` and the processes it supervises, sent over Node's IPC channel
 * (`process.send`). A process run without a supervisor prints the same as text.
 */
export type SupervisedMessage =
  /** One step of the start; `done` false when it begins, true when it has ended. */
  | {
      readonly event: 'progress';
      readonly step: string;
      readonly text: string;
      readonly done: boolean;
      readonly elapsedMs?: number;
    }
  /** Something the user should read once, e.g. that a system user was made. */
  | { readonly event: 'notice'; readonly text: string }
  | {
      readonly event: 'ready';
      /** URLs as a user would type them. */
      readonly httpUrl?: string;
      readonly mqttUrl?: string;
      readonly dataDir?: string;
      /** Absent once the first administrator exists. */
      readonly setupUrl?: string;
    }
  /** The process ends after this. */
  | { readonly event: 'failed'; readonly code: string; readonly message: string; readonly hint?: string };

/** What the supervisor sends. SIGTERM does the same. */
export type SupervisorMessage = { readonly command: 'stop' };

/**
 * Node flags of the server process. Messages live for some ten milliseconds, until their commit; the default of 16 MB
 * for young objects is collected in the middle of that and copies them. Measured: 1.6 x the messages per second at 32 MB
 * (`npm run bench -- fleet`). For 128 MB see docs/design/ingest.md.
 *
 * V8 may take the first messages, all of which wait for their commit, for a sign that such objects live long, and makes them
 * old from then on. Each then keeps what it refers to until a collection of the whole heap (docs/design/ingest.md).
 */
export const SERVER_NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=64',
  '--no-allocation-site-pretenuring',
];
