/** Counts with their noun. */
import { describe, expect, it } from '@jest/globals';
import { plural } from './plural.js';

describe('plural', () => {
  it.each([
    [0, 'device', '0 devices'],
    [1, 'device', '1 device'],
    [2_000, 'device', '2,000 devices'],
    [1, 'match', '1 match'],
    [2, 'match', '2 matches'],
    [3, 'other session', '3 other sessions'],
  ])('should say %d %s', (count, noun, text) => {
    expect(plural(count, noun)).toBe(text);
  });
});
