/** Comparison of devices that have no history of their own. Stores are ports. */
export * from './compare.js';
export * from './keeper.js';
export * from './ports.js';
