import { describe, expect, it } from '@jest/globals';
import { QualitySettings } from '@tinyfleet/contracts';
import { teachingRounds } from './frame.js';

describe('teachingRounds', () => {
  const hourMs = 3_600_000;
  it.each([
    ['as many as asked for, where they are more than a day', 96, hourMs, 96],
    ['a day, where that is more', 24, hourMs / 2, 48],
    ['a day of whole rounds', 24, 7 * hourMs, 24],
    ['as many as may be, where a day has more', 96, 10_000, 2_000],
  ])('should be %s', (_, learnRounds, roundMs, rounds) => {
    expect(teachingRounds(QualitySettings.parse({ learnRounds }), roundMs)).toBe(rounds);
  });
});
