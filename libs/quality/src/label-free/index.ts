/** Accuracy without labels, and with few. docs/design/quality.md has the formulas and what they assume. */
export * from './auc.js';
export * from './calibration-map.js';
export * from './combine.js';
export * from './estimate.js';
export * from './estimators.js';
export * from './isotonic.js';
export * from './label-trickle.js';
export * from './pool.js';
