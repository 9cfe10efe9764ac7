/** Storage: the data directory, embedded or external Postgres, stores and blobs. */
export * from './data-dir.js';
export { ensureSystemUser, portOwner, processCommand, processExists } from './postgres/embedded/host.js';
export {
  startEmbeddedPostgres,
  type EmbeddedOptions,
  type EmbeddedPostgres,
} from './postgres/embedded/cluster.js';
export {
  Database,
  describeTarget,
  isDuplicate,
  type ConnectionTarget,
  type DatabaseOptions,
  type Db,
  type Session,
  type Tx,
} from './postgres/database.js';
export {
  requestConditions,
  type Precondition,
  type RequestConditions,
  type Revisioned,
} from './postgres/request-conditions.js';
export { PgIdempotencyStore, type KeptAnswer, type KeyLimits } from './postgres/stores/idempotency-store.js';
export { PgDeviceImportStore } from './postgres/imports/import-store.js';
export {
  PgWebhookOutbox,
  type DueDelivery,
  type WebhookEndpoint,
} from './postgres/webhooks/webhook-outbox.js';
export { PgRemovalStore, PgRetentionStore } from './postgres/telemetry/retention-store.js';
export { LOCK_SPACE } from './postgres/migrate.js';
export { PgCohortMetrics } from './postgres/rollouts/cohort-metrics.js';
export { Leader, transactAsLeader } from './postgres/leader.js';
export { EventListener, type Waker } from './postgres/listener.js';
export { ListenChannels, type ListenBatch, type ListenRequest } from './postgres/listen-channels.js';
export * as copy from './postgres/binary-copy.js';
export { BinaryCopy } from './postgres/binary-copy.js';
export { DirectoryBlobStore, type BlobStore, type StoredBlob } from './blob/blob-store.js';
export { PgJobQueue, type WorkOptions } from './postgres/job-queue.js';
export {
  BUILD_QUEUE,
  BULK_EXPIRE_S,
  BULK_QUEUE,
  PAYLOAD_EXPIRE_S,
  PAYLOAD_QUEUE,
  type BuildMessage,
  type BulkMessage,
  type PayloadMessage,
  type JobOptions,
  type StoreOptions,
  PgStores,
  PgAuditLog,
  PgEventReader,
  PgEventSink,
  addBlob,
  idleBulkActions,
  cursorKey,
  toPage,
  transactOn,
} from './postgres/stores/index.js';
export { DEVICE_COLUMNS, DEVICE_FROM } from './postgres/queries/devices.js';
export { filterSql } from './postgres/queries/filter-sql.js';
export { Parameters } from './postgres/queries/parameters.js';
export { PgPeerReader } from './postgres/quality/peer-reader.js';
export { PgWatchReader } from './postgres/quality/watch-reader.js';
export { PgStandingReader } from './postgres/quality/standing-reader.js';
export { PgAlertClocks } from './postgres/quality/alert-clocks.js';
export {
  PgAlertOutbox,
  type AlertMessage,
  type DueAlert,
  type DueRoute,
} from './postgres/quality/alert-outbox.js';
export { PgAlertActions, type ActionOutcome, type DueAction } from './postgres/quality/alert-actions.js';
export { PgQualityStore } from './postgres/stores/quality-store.js';
export { PgEstimateStore } from './postgres/stores/estimate-store.js';
export { PgLabelQueueStore } from './postgres/stores/label-queue-store.js';
export { PgSampleStore } from './postgres/stores/sample-store.js';
export { PgAskSource } from './postgres/telemetry/ask-source.js';
export { PgCredentialUsage } from './postgres/telemetry/credential-usage.js';
export { PgDeviceDirectory } from './postgres/telemetry/device-directory.js';
export { PgFleetCounts } from './postgres/telemetry/fleet-counts.js';
export { PgIngestStore } from './postgres/telemetry/ingest-store.js';
export { PgPresenceStore } from './postgres/telemetry/presence-store.js';
export { PgRegistryChanges } from './postgres/telemetry/registry-changes.js';
export { RecentBatches } from './postgres/telemetry/recent-batches.js';
export { PgRollupStore } from './postgres/telemetry/rollup-store.js';
export { PgTelemetryReader } from './postgres/telemetry/telemetry-reader.js';
export { PgDesiredStore } from './postgres/rollouts/desired-store.js';
export { PgFleetRecords } from './postgres/rollouts/fleet-records.js';
export { PgOpenRollouts } from './postgres/rollouts/open-rollouts.js';
export { PgRolloutStore } from './postgres/rollouts/rollout-store.js';
