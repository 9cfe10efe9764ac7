import { describe, expect, it } from '@jest/globals';
import { BuildComparison } from '../drift/build-comparison.js';
import { Random } from '../statistics/random.js';
import { findAgainstBuild } from './against-build.js';

describe('who is elsewhere than validation data', () => {
  const attributes = Array.from({ length: 24 }, (_, j) => ({
    ...{
      site: j < 18 ? 'most' : 'few',
      batch: `b${j % 4}`,
      version: j % 2 === 0 ? 'kws@1.0.0' : 'kws@1.1.0',
    },
  }));
  /** The second feature is where it was. */
  function foundOf(shiftOf: (j: number) => number, accepted?: readonly number[]) {
    const random = new Random(5);
    const stream = { leastShift: 0.25, error: 1 / 2_000 };
    const comparison = new BuildComparison({ devices: attributes.length, streams: [stream, stream] });
    const own = attributes.map(() => 0.15 * random.normal());
    const found = [];
    for (let t = 0; t < 30; t++) {
      own.forEach((mean, j) => {
        const noise = () => mean + 0.1 * random.normal();
        comparison.observe(t, j, [noise() + shiftOf(j), noise()]);
      });
      comparison.close(t);
      found.push(...findAgainstBuild(comparison, attributes, 50_000));
      if (t === 20 && accepted) comparison.accept('site=most', accepted);
    }
    return found;
  }
  const most = Array.from({ length: 18 }, (_, j) => j);
  const subjectsOf = (found: readonly { readonly subject: string }[]) =>
    new Set(found.map(({ subject }) => subject));

  it('should be a site that most devices share', () => {
    const found = foundOf((j) => (j < 18 ? 1 : 0));
    expect(subjectsOf(found)).toEqual(new Set(['site=most']));
    expect(found[0]).toMatchObject({ stream: 0, devices: most });
    expect(Math.abs(found.at(-1)!.shift - 1)).toBeLessThan(0.15);
  });

  it('should be nobody once a person took where they are for healthy', () => {
    const found = foundOf((j) => (j < 18 ? 1 : 0), most);
    expect(subjectsOf(found)).toEqual(new Set(['site=most']));
    expect(found.every(({ windows }) => windows <= 21)).toBe(true);
  });

  it('should be the others once a person took a part for healthy, and they moved, too', () => {
    const found = foundOf((j) => (j < 18 ? 4 : 1.8), most);
    expect(subjectsOf(found)).toEqual(new Set(['site=most', 'everyone']));
    const { subject, devices, shift } = found.at(-1)!;
    expect([subject, devices]).toEqual(['everyone', [18, 19, 20, 21, 22, 23]]);
    expect(Math.abs(shift - 1.8)).toBeLessThan(0.2);
  });

  it('should be a version, or everyone', () => {
    expect(subjectsOf(foundOf((j) => j % 2))).toEqual(new Set(['version=kws@1.1.0']));
    expect(subjectsOf(foundOf(() => 1))).toEqual(new Set(['everyone']));
  });
});
