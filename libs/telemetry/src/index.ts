/** What devices report: who they are, their windows and labels, as pure domain with ports. */
export type { CredentialRecord, DeviceDirectory, DeviceRecord } from './directory.js';
export * from './ports.js';
export type { BatchSink, MessageOrigin, SourceMessage, TelemetrySource } from './source.js';
export * from './connections.js';
export * from './window.js';
export * from './rollup.js';
export * from './backfill.js';
export * from './exchange.js';
export * from './retention.js';
export * from './retention-sweep.js';
export { mergeSums, noSums, type WindowSums } from './window-sums.js';
export { TelemetryPayload } from './telemetry-payload.js';
export { packFeatures, readTelemetry, unpackFeatures } from './features.js';
export { cborOfTelemetryJson, parseTelemetryJson } from './json.js';
export { nrfBuildPrefix, parseNrfObservability } from './nrf-observability.js';
export { SequenceTracker, type Sighting } from './sequence.js';
