import { describe, expect, it } from '@jest/globals';
import { Battery } from './battery.js';

const day = 86_400_000;

describe('Battery', () => {
  it('should run down evenly, faster while something drains it, and end at nothing', () => {
    const battery = new Battery({ startPercent: 90, percentPerDay: 1 }, 0);
    expect(battery.percentAt(10 * day, 0)).toBe(80);
    expect(battery.percentAt(11 * day, 39)).toBe(40);
    expect(battery.percentAt(11 * day, 39)).toBe(40);
    expect(battery.percentAt(100 * day, 0)).toBe(0);
  });

  it('should lose nothing by a clock that goes back', () => {
    const battery = new Battery({ startPercent: 50, percentPerDay: 10 }, day);
    expect(battery.percentAt(0, 0)).toBe(50);
    expect(battery.percentAt(2 * day, 0)).toBe(40);
  });
});
