import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import { BuildComparison, EVERYONE, type ComparedLevel } from './build-comparison.js';

const streams = [{ leastShift: 0.2, error: 1 / 500 }];
const all = (devices: number) => Array.from({ length: devices }, (_, j) => j);

/** A fleet whose devices differ by .3 sd, with a daily cycle; `shift` of all of them from round `from` on. */
function fleet(
  seed: number,
  { devices = 20, rounds = 60, shift = 0, from = 0, between = 0.3 } = {},
): { comparison: BuildComparison; looks: ComparedLevel[] } {
  const random = new Random(seed);
  const comparison = new BuildComparison({ devices, streams });
  const own = all(devices).map(() => between * random.normal());
  const looks: ComparedLevel[] = [];
  for (let t = 0; t < rounds; t++) {
    for (let j = 0; j < devices; j++) {
      const mean = own[j]! + 0.15 * Math.sin((2 * Math.PI * t) / 24) + (t >= from ? shift : 0);
      comparison.observe(t, j, [mean + 0.1 * random.normal()]);
    }
    comparison.close(t);
    looks.push(comparison.level(EVERYONE, all(devices))[0]!);
  }
  return { comparison, looks };
}

describe('a fleet held against validation data', () => {
  it('should say so at most as often as p says when devices differ and nothing has changed', () => {
    const fleets = Array.from({ length: 200 }, (_, seed) => fleet(seed + 1).looks);
    const least = fleets.map((looks) => Math.min(...looks.map(({ p }) => p)));
    // Whoever looks sixty times at the same fleet looks hardly more than once: its level keeps its error.
    expect(least.filter((p) => p <= 0.05).length).toBeLessThanOrEqual(20);
    expect(least.filter((p) => p <= 1e-3)).toEqual([]);
  });

  it('should see a fleet that is somewhere else, from its first day on, and not from one window', () => {
    const { looks } = fleet(3, { shift: 1 });
    expect(looks.slice(0, 2).map(({ p }) => p)).toEqual([1, 1]);
    expect(looks.at(-1)!.p).toBeLessThan(1e-6);
    expect(Math.abs(looks.at(-1)!.shift - 1)).toBeLessThan(0.25);
  });

  it('should see one that moved later, and forget it when it is back', () => {
    const { comparison, looks } = fleet(4, { shift: 1.2, from: 30, rounds: 150 });
    expect(looks[29]!.p).toBeGreaterThan(0.05);
    expect(looks.at(-1)!.p).toBeLessThan(1e-4);
    for (let t = 150; t < 250; t++) {
      for (let j = 0; j < 20; j++) comparison.observe(t, j, [0]);
      comparison.close(t);
    }
    expect(Math.abs(comparison.level(EVERYONE, all(20))[0]!.shift)).toBeLessThan(0.1);
  });

  it('should judge no fleet of two, and a few devices by a wide null', () => {
    const p = (devices: number) => fleet(5, { devices, shift: 1 }).looks.at(-1)!.p;
    expect(p(2)).toBe(1);
    expect(p(4)).toBeGreaterThan(p(20));
  });

  it('should tell the spread of a fleet from a shift of its mean', () => {
    const random = new Random(6);
    const comparison = new BuildComparison({
      devices: 10,
      streams: [
        { leastShift: 0.2, error: 1e-3 },
        { leastShift: 0.2, error: 1e-3, isSpread: true },
      ],
    });
    for (let t = 0; t < 48; t++) {
      for (let j = 0; j < 10; j++) {
        // Half is between devices, half within them; the mean is 1 away, the standard deviation 1.5 times as large.
        const mean = 1 + (j % 2 === 0 ? 1 : -1) * 1.06 + 0.05 * random.normal();
        comparison.observe(t, j, [mean, mean * mean + 1.126 - 1]);
      }
      comparison.close(t);
    }
    const spread = comparison.level(EVERYONE, all(10))[1]!.shift;
    expect(Math.abs((1 + spread) ** 1.5 - 1.5)).toBeLessThan(0.05);
  });

  it('should begin anew with a device that runs another version, and leave out what comes out of order', () => {
    const { comparison } = fleet(7, { devices: 4, shift: 2 });
    expect(comparison.observe(10, 0, [9])).toBe(false);
    comparison.begin(0);
    expect(comparison.level('version=b', [0])[0]!.devices).toBe(0);
  });

  it('should take what a person accepted for healthy, for those it was accepted of', () => {
    const { comparison } = fleet(8, { shift: 1 });
    comparison.accept('version=b', [0, 1, 2, 3]);
    expect(Math.abs(comparison.level('version=b', [0, 1, 2, 3])[0]!.shift)).toBeLessThan(1e-9);
    expect(comparison.level(EVERYONE, all(20))[0]!.p).toBeLessThan(1e-6);
    comparison.accept(EVERYONE, all(20));
    expect(comparison.level(EVERYONE, all(20))[0]!.p).toBe(1);
    comparison.accept(EVERYONE, all(20));
    expect(Math.abs(comparison.level(EVERYONE, all(20))[0]!.shift)).toBeLessThan(1e-9);
  });

  it('should go on where it was saved, with more devices', () => {
    const { comparison } = fleet(9, { shift: 0.5 });
    comparison.accept(EVERYONE, all(20));
    const more = BuildComparison.restore({ devices: 22, streams }, comparison.save());
    for (const one of [comparison, more]) {
      for (let j = 0; j < 20; j++) one.observe(60, j, [0.7]);
      one.close(60);
    }
    expect(more.level(EVERYONE, all(22))).toEqual(comparison.level(EVERYONE, all(20)));
    expect(more.closed).toBe(60);
  });
});
