// The only door between compiler stages.
export * from './graph.js';
export * from './ops.js';
export * from './shapes.js';
export * from './verify.js';
export * from './dump.js';
export * from './crc32.js';
export * from './builder.js';
export * from './diagnostics.js';
