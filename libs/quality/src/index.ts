/** Model quality from sums: accuracy, predicted classes, versions. Pure domain with store ports. */
export * from './ports.js';
export * from './quality-service.js';
export * from './statistics/index.js';
export * from './time-range.js';
export * from './wilson.js';
