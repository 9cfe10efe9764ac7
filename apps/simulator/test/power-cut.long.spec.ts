// The power-cut sweep at large: every scenario on every flash, all kinds of cuts, and every change of the update state that
// the specification lists is cut in the save that records it.
import { expect, it } from '@jest/globals';
import { SCENARIOS } from '../src/power-cut/scenarios.js';
import { runSweep } from '../src/power-cut/sweep.js';
import { documentedEdges } from './update-states.js';

it('should survive more than 100,000 power cuts and meet every change of state', () => {
  const result = runSweep({ budget: 150_000 });
  expect(result.failures).toEqual([]);
  expect(result.cases).toBeGreaterThan(100_000);
  expect(Object.keys(result.edges).sort()).toEqual(documentedEdges());
  expect(Object.keys(result.perScenario).sort()).toEqual(SCENARIOS.map(({ name }) => name).sort());
}, 900_000);
