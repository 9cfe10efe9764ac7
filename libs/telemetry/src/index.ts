/** What devices report: who they are, their windows and labels, as pure domain with ports. */
export type { CredentialRecord, DeviceDirectory, DeviceRecord } from './directory.js';
export * from './ports.js';
export * from './window.js';
export * from './rollup.js';
export { packFeatures, unpackFeatures } from './features.js';
export { parseTelemetryJson } from './json.js';
export { SequenceTracker, type Sighting } from './sequence.js';
