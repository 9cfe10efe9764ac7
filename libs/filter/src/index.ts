/** The filter language of devices: parse, print, complete. Browser-safe: storage makes SQL of the tree. */
export * from './ast.js';
export * from './complete.js';
export * from './fields.js';
export * from './filter.js';
export * from './print.js';
