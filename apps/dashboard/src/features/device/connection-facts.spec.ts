import { describe, expect, it } from '@jest/globals';
import { connectionFacts } from './connection-facts.js';

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const found = { from: at(0), to: at(100), recordedFrom: at(0) };

describe('connectionFacts', () => {
  it('should say how long a device was connected, how often, and how long it was away at most', () => {
    const connections = [
      { from: at(0), to: at(20) },
      { from: at(50), to: at(90) },
    ];
    const facts = { share: 0.6, count: 2, longestGapMs: 30 * 60_000 };
    expect(connectionFacts({ ...found, connections })).toEqual(facts);
  });

  it('should count from the first connection on record, and the time away until now', () => {
    const connections = [{ from: at(20), to: at(60) }];
    expect(connectionFacts({ ...found, recordedFrom: at(20), connections })).toEqual({
      ...{ share: 0.5, count: 1, longestGapMs: 40 * 60_000 },
    });
    expect(connectionFacts({ ...found, recordedFrom: null, connections: [] })).toMatchObject({ share: 0 });
  });
});
