/** Decisions about drift: budgets, fleets, false discoveries, causes and verdicts. */
export * from './attribute-search.js';
export * from './budget-cost.js';
export * from './build-comparison.js';
export * from './false-discovery.js';
export * from './fleet-watch.js';
export * from './page-budget.js';
export * from './saved-state.js';
export * from './scope.js';
export * from './stream-noise.js';
export * from './verdict.js';
