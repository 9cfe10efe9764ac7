/** Statistics that gates and detectors share. Each file states its formula and where it comes from. */
export * from './poisson-mixture.js';
export * from './t-mixture.js';
export * from './variance-components.js';
