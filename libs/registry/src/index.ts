/** Projects, device types, devices and models: who and what there is. */
export * from './attributes.js';
export * from './catalogue.js';
export * from './command-service.js';
export * from './device-service.js';
export * from './device-state.js';
export * from './filter/ast.js';
export * from './filter/complete.js';
export * from './filter/fields.js';
export * from './filter/filter.js';
export * from './filter/print.js';
export * from './model-service.js';
export * from './npy.js';
export * from './ports.js';
export * from './project-service.js';
export * from './version.js';
export * from './slots.js';
