import { describe, expect, it } from '@jest/globals';
import { maintenanceWindow, steps } from './rollout-start.js';

describe('steps', () => {
  it('should read percents, counts and groups', () => {
    expect(steps('count=5, group=pilot,0.5%,10,100%')).toEqual([
      { count: 5 },
      { group: 'pilot' },
      { percent: 0.5 },
      { percent: 10 },
      { percent: 100 },
    ]);
  });

  it.each(['0%', '101%', 'ten%', 'count=0', 'count=x', 'size=5'])('should refuse %s', (text) => {
    expect(() => steps(text)).toThrow(/percentage|whole number/);
  });
});

describe('maintenanceWindow', () => {
  it('should read times, with days or without', () => {
    expect(maintenanceWindow('22:00-04:00')).toEqual({ from: '22:00', to: '04:00' });
    expect(maintenanceWindow('sat,sun 08:00-18:00')).toEqual({
      from: '08:00',
      to: '18:00',
      days: ['sat', 'sun'],
    });
  });

  it.each(['22-04', 'someday 22:00-04:00', ''])('should refuse "%s"', (text) => {
    expect(() => maintenanceWindow(text)).toThrow(/no window/);
  });
});
