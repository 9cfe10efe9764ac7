/** For tests and tools: the server as a function. The process is main.ts. */
export { startServer, type RunningServer, type StartOptions } from './platform/bootstrap.js';
export { loadConfig, configReference, SETTINGS, type Config } from './platform/config.js';
export { Progress } from './platform/progress.js';
