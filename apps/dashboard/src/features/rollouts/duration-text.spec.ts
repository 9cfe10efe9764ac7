/** What is typed is what is meant, and what is shown can be typed. */
import { describe, expect, it } from '@jest/globals';
import { durationText, leastText, parseDuration } from './duration-text.js';

describe('parseDuration', () => {
  it('should read units, and minutes without one', () => {
    expect(['90 s', '10m', '10 min', '6h', '1.5 h', '3d', '15', '0'].map(parseDuration)).toEqual([
      90, 600, 600, 21_600, 5_400, 259_200, 900, 0,
    ]);
  });

  it.each(['', 'soon', '-5m', '5 weeks', '1e3', '5 m 3 s'])('should refuse "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('durationText', () => {
  it('should be read back as the same number of seconds', () => {
    for (const seconds of [0, 1, 59, 60, 90, 3_600, 5_400, 86_400, 90_000, 2_592_000])
      expect(parseDuration(durationText(seconds))).toBe(seconds);
  });
});

describe('leastText', () => {
  it('should name two units and never more time than there is', () => {
    expect([0, 59, 3_630, 5_400, 90_061, 172_800].map(leastText)).toEqual([
      'no time',
      '59 s',
      '1 h 30 s',
      '1 h 30 min',
      '1 d 1 h',
      '2 d',
    ]);
  });
});
