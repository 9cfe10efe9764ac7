import { describe, expect, it } from '@jest/globals';
import { binName, groupName, movedWords, short, verdictOf } from './drift-words.js';

const moved = { n: 1_200, distance: 0.31, share: 0.42, shift: -0.8, isFar: true };
const feature = {
  ...{ ...moved, feature: 'level', kind: 'input' as const, edges: [-1.25, 0, 3_000], labels: [] },
  ...{ baseline: [1, 1, 1, 1], counts: [1, 1, 1, 1] },
};

describe('words of drift', () => {
  it('should say how far, which way, of how many, and what follows', () => {
    expect(movedWords(moved)).toBe(
      '42 % lie in other bins, distance 0.31, mean 0.80 sd lower, of 1,200: other inputs than those validated',
    );
    expect(movedWords({ ...moved, shift: 0.01, isFar: false })).toBe(
      '42 % lie in other bins, distance 0.31, of 1,200',
    );
  });

  it('should end in what it means for the estimate', () => {
    expect(verdictOf(feature)).toMatch(/mean is 0\.80 sd lower\. That is far beyond chance.*abstains\.$/);
    expect(verdictOf({ ...feature, isFar: false, shift: null })).toMatch(/allows\.$/);
    expect(verdictOf({ ...feature, n: 0 })).toBe('Nothing of level was sent here.');
  });

  it('should name bins by their edges, classes by their names', () => {
    expect([0, 1, 2, 3].map((bin) => binName(feature, bin))).toEqual([
      ...['below -1.25', '-1.25 to 0', '0 to 3.0e+3', 'from 3.0e+3'],
    ]);
    expect(binName({ ...feature, edges: [], labels: ['off'] }, 0)).toBe('off');
    expect(binName({ ...feature, edges: [], labels: ['off'] }, 1)).toBe('class 1');
  });

  it('should keep three digits and name what has no site', () => {
    expect([0, 0.00012, 12.3456, 999].map(short)).toEqual(['0', '1.2e-4', '12.3', '999']);
    expect(groupName('')).toBe('no site');
  });
});
