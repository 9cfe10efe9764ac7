import { expect, it } from '@jest/globals';
import { isShorter } from './retention-words';

it.each([
  [30, 90, true],
  [30, null, true],
  [90, 90, false],
  [120, 90, false],
  [null, 90, false],
  [null, null, false],
])('should know whether %s days after %s take something away', (days, before, expected) => {
  expect(isShorter(days, before)).toBe(expected);
});
