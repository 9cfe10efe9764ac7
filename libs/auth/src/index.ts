/** Accounts, sessions, API tokens, people and roles. */
export * from './roles.js';
export * from './secrets.js';
export * from './ports.js';
export * from './audit-origin.js';
export * from './throttle.js';
export * from './login-limiter.js';
export * from './auth-service.js';
export * from './token-service.js';
export * from './cli-login-service.js';
export * from './people-service.js';
export * from './identity-service.js';
