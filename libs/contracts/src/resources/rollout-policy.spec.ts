import { describe, expect, it } from '@jest/globals';
import { RolloutCreate } from './rollouts.js';

const base = { release: 'kws@1.1.0', filter: 'tag = demo' };
const problem = (request: object): string | undefined =>
  RolloutCreate.safeParse({ ...base, ...request }).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )[0];

describe('a shadow and a comparison', () => {
  it('should need nothing but their name', () => {
    expect(RolloutCreate.parse({ ...base, shadow: {} }).shadow).toEqual({ every: 1, seconds: 86_400 });
    expect(RolloutCreate.parse({ ...base, ab: {} }).ab).toMatchObject({
      percent: 50,
      metric: 'confidence',
      alpha: 0.05,
    });
    expect(RolloutCreate.parse(base)).not.toHaveProperty('shadow');
  });

  it.each([
    [{ shadow: { every: 65_535 } }, { shadow: { every: 65_536 } }],
    [{ shadow: { every: 1 } }, { shadow: { every: 0 } }],
    [{ shadow: { seconds: 2_592_000 } }, { shadow: { seconds: 2_592_001 } }],
    [{ shadow: { seconds: 1 } }, { shadow: { seconds: 0 } }],
    [{ ab: { percent: 99 } }, { ab: { percent: 99.1 } }],
    [{ ab: { percent: 1 } }, { ab: { percent: 0.9 } }],
    [{ ab: { margin: 100 } }, { ab: { margin: 100.1 } }],
    [{ ab: { minSeconds: 60, maxSeconds: 60 } }, { ab: { minSeconds: 61, maxSeconds: 60 } }],
    [{ ab: { windowSeconds: 10 } }, { ab: { windowSeconds: 9 } }],
    [{ ab: { metric: 'accuracy' } }, { ab: { metric: 'install-success' } }],
  ])('should take %j and refuse %j', (good, bad) => {
    expect(problem(good)).toBeUndefined();
    expect(problem(bad)).toBeDefined();
  });

  it.each([
    [{ shadow: {}, ab: {} }, 'ab: a rollout is a shadow or a comparison, not both'],
    [{ shadow: {}, gates: { gates: [{ kind: 'silence' }] } }, 'gates: shadows and comparisons have no gates'],
    [
      { ab: {}, steps: [{ percent: 100, gates: [{ kind: 'silence' }] }] },
      'gates: shadows and comparisons have no gates',
    ],
    [{ shadow: {}, holdBackPercent: 5 }, 'holdBackPercent: shadows and comparisons hold nobody back'],
    [
      { shadow: {}, onFailure: 'rollback' },
      'onFailure: a shadow has nothing to take back: use pause or abort',
    ],
    [{ ab: {}, steps: [10, 100] }, 'steps: a comparison has one step'],
  ])('should refuse %j', (request, message) => {
    expect(problem(request)).toBe(message);
  });
});
