/** Rollouts through simulated fleets, seeded: what gates cost and what they catch. */
export * from './chances.js';
export * from './fleet-profile.js';
export * from './play.js';
export * from './replay.js';
export { RolloutSimulations, simulationDefaults, type SimulationOptions } from './rollout-simulations.js';
export * from './world.js';
