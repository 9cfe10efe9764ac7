/**
 * Shapes of the public HTTP API, one schema per noun. They validate requests and responses, make the OpenAPI
 * file and type the client. Times are RFC 3339 UTC, sizes bytes, durations carry their unit in the name.
 */
export * from './problem.js';
export * from './page.js';
export * from './role.js';
export * from './access.js';
export * from './people.js';
export * from './projects.js';
export * from './device-types.js';
export * from './devices.js';
export * from './groups.js';
export * from './device-imports.js';
export * from './commands.js';
export * from './device-listen.js';
export * from './credentials.js';
export * from './provisioning.js';
export * from './models.js';
export * from './firmware.js';
export * from './builds.js';
export * from './releases.js';
export * from './gates.js';
export * from './rollout-policy.js';
export * from './rollouts.js';
export * from './rollout-simulations.js';
export * from './quality.js';
export * from './drift-map.js';
export * from './telemetry.js';
export * from './alerts.js';
export * from './webhooks.js';
