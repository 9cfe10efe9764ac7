/** Alerts: what people do with them, and where they go. */
export * from './alert-service.js';
export * from './clock.js';
export * from './life.js';
export * from './links.js';
export * from './ports.js';
export * from './route-service.js';
export * from './silence.js';
export * from './standing.js';
