/** Accounts, sessions, API tokens and roles. */
export * from './roles.js';
export * from './secrets.js';
export * from './ports.js';
export * from './login-limiter.js';
export * from './auth-service.js';
