/** Builds, signing keys and releases: from a model version to something a device accepts. */
export * from './ports.js';
export { bomDigest, bomOf } from './bom.js';
export * from './build-service.js';
export * from './firmware-ports.js';
export * from './firmware-service.js';
export { HandoverService } from './handover-service.js';
export * from './key-rotation-service.js';
export * from './payload-service.js';
export * from './lifecycle.js';
export * from './lifecycle-service.js';
export * from './offline-signing-service.js';
export * from './provenance.js';
export { keptBom } from './release-content.js';
export * from './release-service.js';
export { signHandover } from './sign-handover.js';
export { signRequest } from './sign-request.js';
export * from './signing-key-service.js';
export { SecretSealer } from './sealer.js';
