/** Builds, signing keys and releases: from a model version to something a device accepts. */
export * from './ports.js';
export * from './build-service.js';
export * from './key-rotation-service.js';
export * from './payload-service.js';
export * from './release-service.js';
export * from './signing-key-service.js';
export { SecretSealer } from './sealer.js';
