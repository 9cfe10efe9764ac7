/** Which projects a scenario takes for its own of the last time, and removes. */
import { describe, expect, it } from '@jest/globals';
import { foreignWords } from './stage.js';

describe('foreignWords', () => {
  const scenario = { title: 'A release that is worse' };
  const own = { name: 'demo-bad-release', title: scenario.title, simulated: true };

  it('should know a project that the scenario made', () => {
    expect(foreignWords(own, scenario)).toBeUndefined();
  });

  it('should leave real devices alone, and simulated ones that somebody else set up', () => {
    expect(foreignWords({ ...own, simulated: false }, scenario)).toMatch(/is not simulated/);
    expect(foreignWords({ ...own, title: '' }, scenario)).toMatch(/has not the title/);
    expect(foreignWords({ ...own, title: 'Load test' }, scenario)).toMatch(/has not the title/);
  });
});
