// The demo model's data and recipes, for its tests and for whoever wants to train on the same world.
export * from './dataset.js';
export * from './evaluate.js';
export * from './versions.js';
export * from './updates.js';
export * from './measure-updates.js';
