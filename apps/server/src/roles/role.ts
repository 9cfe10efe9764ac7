/**
 * What a role gets and what it gives back. A role starts completely or throws; `stop` is called once, in the reverse
 * order of the starts, while readiness says 503 and before HTTP and the database end.
 */
import type { Server } from 'node:http';
import type { BlobStore, Database, DataDir, EventListener } from '@tinyfleet/storage';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../platform/config.js';

export interface RoleContext {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly database: Database;
  readonly dataDir: DataDir;
  /** Wakes on new events of the outbox. */
  readonly events: EventListener;
  /** The process's HTTP server, for upgrades (MQTT over WebSocket). It listens when the roles have started. */
  readonly httpServer: Server;
  /** Opaque content-addressed bytes: bundles, models. */
  readonly blobs: BlobStore;
}

export interface RunningRole {
  readonly name: string;
  /** What it listens on, e.g. { mqtt: 'mqtt://127.0.0.1:1883' }. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Throws with the reason when it cannot do its work now; asked by /health/ready. */
  checkReady?(): Promise<void> | void;
  /** Ends its work in order: takes no more, finishes what is acknowledged, closes. */
  stop(): Promise<void>;
}

/** `apps/server/src/roles/<role>.ts` exports one of these. Broker, ingest and ota are one: `startEdge`. */
export type StartRole = (context: RoleContext) => Promise<RunningRole>;
