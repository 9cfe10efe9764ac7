import { describe, expect, it } from '@jest/globals';
import { noComponentSums, varianceComponents } from './variance-components.js';

describe('varianceComponents', () => {
  it('should give the textbook numbers', () => {
    // Two devices with two batches of one trial each: 1 and 3, 6 and 8. Means 2 and 7 about 4.5, k = 2.
    // within = (2 + 2) / 2 = 2; Q = 2 (2.5^2 + 2.5^2) = 25; between = (25 - 2) / (4 - 8/4) = 11.5.
    const sums = {
      ...noComponentSums(),
      devices: 2,
      groups: 1,
      trials: 4,
      trialSquares: 8,
      betweenSquares: 25,
      withinSquares: 4,
      batchDf: 2,
    };
    expect(varianceComponents(sums)).toEqual({ between: 11.5, within: 2, df: 1, batchDf: 2 });
  });

  it('should never be below zero, nor below the noise that is known', () => {
    const sums = {
      ...noComponentSums(),
      devices: 3,
      groups: 1,
      trials: 30,
      trialSquares: 300,
      betweenSquares: 0.1,
    };
    expect(varianceComponents(sums, 0.09)).toMatchObject({ between: 0, within: 0.09 });
    expect(varianceComponents(noComponentSums())).toEqual({ between: 0, within: 0, df: 0, batchDf: 0 });
  });
});
