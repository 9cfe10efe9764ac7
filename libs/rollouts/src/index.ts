/** Rollouts: which devices are offered a release, when, and what their reports mean. Pure, with a store port. */
export * from './compatibility.js';
export * from './deployment.js';
export * from './desired.js';
export * from './engine.js';
export * from './plan.js';
