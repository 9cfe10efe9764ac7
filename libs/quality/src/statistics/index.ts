/** Statistics that gates and detectors share. Each file states its formula and where it comes from. */
export * from './distributions.js';
export * from './divergence.js';
export * from './huber.js';
export * from './ks-bounds.js';
export * from './moment-shift.js';
export * from './poisson-mixture.js';
export * from './random.js';
export * from './t-mixture.js';
export * from './variance-components.js';
