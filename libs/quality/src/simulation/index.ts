/** Fleets whose monitored features are simulated, seeded: what detectors cost and what they catch. */
export * from './drift-fleet.js';
