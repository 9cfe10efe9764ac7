/** Rollouts: which devices are offered a release, when, and what their reports mean. Stores are ports. */
export * from './compatibility.js';
export * from './conductor.js';
export * from './deployment.js';
export * from './desired.js';
export * from './engine.js';
export * from './gates/index.js';
export * from './plan.js';
export * from './ports.js';
export * from './rates.js';
export * from './retries.js';
export { RolloutOperator } from './rollout-operator.js';
export { RolloutService } from './rollout-service.js';
export * from './step-gates.js';
export { UpdateRuleService } from './update-rule-service.js';
export * from './windows.js';
export * from './simulation/index.js';
