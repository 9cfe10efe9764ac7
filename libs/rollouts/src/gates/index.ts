/**
 * Gates: may a rollout go on? Pure functions over plain data.
 *
 *   const hours = new CohortHours();                   // once, fed with new windows as they come
 *   hours.add('step', await metrics.windows(...));     // of the new version, since each device became active
 *   hours.add('control', await metrics.windows(...));  // of the old one, in the same time
 *   const ledger = hours.ledger(devices, policy);
 *   const verdict = judge(policy, { ..., devices, ledger });
 *
 * `judge` may be called as often as one likes: its error rates hold under peeking (docs/design/gates.md).
 */
export * from './cohort-hours.js';
export * from './evidence.js';
export * from './judge.js';
export { gateKinds, resolveGates, type GateKind, type GatePolicy } from './kinds.js';
export * from './ledger.js';
export { weigh, type Weighed } from './weigh.js';
