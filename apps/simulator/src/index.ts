// The simulator as a library of its own tests: the process entry is main.ts.
export { Simulation } from './simulation.js';
export { parseScenario, loadScenario, type Scenario } from './scenarios/scenario.js';
