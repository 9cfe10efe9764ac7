/** Rollouts: which devices are offered a release, when, and what their reports mean. Stores are ports. */
export * from './compatibility.js';
export * from './conductor.js';
export * from './deployment.js';
export * from './desired.js';
export * from './engine.js';
export * from './gates/index.js';
export * from './plan.js';
export * from './ports.js';
export * from './simulation/index.js';
export { RolloutService, type RolloutRequest } from './rollout-service.js';
