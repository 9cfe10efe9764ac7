import { describe, expect, it } from '@jest/globals';
import { diverseFleet, identicalFleet, replayDriftFleet, type DriftFleetOptions } from './drift-fleet.js';

// Small fleets: `npm run bench -- drift` runs the whole thing.
const small: Partial<DriftFleetOptions> = { devices: 40, features: 1, rounds: 8 * 24, drifted: 0.05 };

describe('a watched fleet', () => {
  it.each([
    ['identical devices', identicalFleet, 3],
    ['devices with own means, a daily cycle, wandering and late windows', diverseFleet, 24],
  ] as const)('should find shifted ones among %s and stay calm otherwise', (_, fleet, within) => {
    const replays = [1, 2].map((seed) => replayDriftFleet({ ...fleet, ...small }, seed));
    for (const { delays } of replays) for (const delay of delays) expect(delay).toBeLessThanOrEqual(within);
    // Budget: one page a week for the whole fleet; two runs of four days. A Poisson count of 1.1 exceeds 4 once in two hundred.
    expect(replays.reduce((sum, { falseAlarms }) => sum + falseAlarms, 0)).toBeLessThanOrEqual(4);
  });

  it('should give the same answers for the same seed', () => {
    const options = { ...diverseFleet, ...small, devices: 20, rounds: 5 * 24 };
    expect(replayDriftFleet(options, 5)).toEqual(replayDriftFleet(options, 5));
  });
});
