/** Rollouts through simulated fleets, seeded: what gates cost and what they catch. */
export * from './chances.js';
export * from './random.js';
export * from './replay.js';
export * from './world.js';
