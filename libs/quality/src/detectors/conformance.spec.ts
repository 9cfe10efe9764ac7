/** What every detector must do, generated from a list: a new one adds a row and inherits the tests. */
import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import {
  Adwin,
  BernoulliCusum,
  Cusum,
  Ddm,
  Eddm,
  Ewma,
  HddmA,
  HddmW,
  Kswin,
  PageHinkley,
  type Detector,
} from './index.js';

const reference = { mean: 0, sd: 1 };
/** The first three alarms are pinned: seed 7, a change after 1,000 observations (normal: 0 -> 2; bits: .1 -> .5). */
const detectors: readonly { name: string; make: () => Detector; alarms: readonly number[] }[] = [
  { name: 'Cusum', make: () => new Cusum({ reference }), alarms: [1006, 1015, 1022] },
  { name: 'Cusum, learned', make: () => new Cusum({ learnFrom: 200 }), alarms: [1006] },
  {
    name: 'BernoulliCusum',
    make: () => new BernoulliCusum({ p0: 0.1, p1: 0.2 }),
    alarms: [1018, 1044, 1071],
  },
  { name: 'Ewma', make: () => new Ewma({ reference }), alarms: [1010, 1017, 1022] },
  { name: 'PageHinkley', make: () => new PageHinkley(), alarms: [1021] },
  {
    name: 'PageHinkley, original',
    make: () => new PageHinkley({ clipped: false, direction: 'both' }),
    alarms: [1021],
  },
  { name: 'Adwin', make: () => new Adwin(), alarms: [1023] },
  { name: 'Ddm', make: () => new Ddm(), alarms: [1024] },
  { name: 'Eddm', make: () => new Eddm({ alpha: 0.8, beta: 0.75 }), alarms: [1062] },
  { name: 'HddmA', make: () => new HddmA(), alarms: [1026] },
  { name: 'HddmW', make: () => new HddmW(), alarms: [1021] },
  { name: 'Kswin', make: () => new Kswin({ alpha: 0.0001 }), alarms: [1020] },
];

function stream(takes: Detector['takes'], seed: number, changesAt = 1_000, n = 1_500): number[] {
  const random = new Random(seed);
  return Array.from({ length: n }, (_, i) => {
    if (takes === 'bit') return random.uniform() < (i < changesAt ? 0.1 : 0.5) ? 1 : 0;
    return random.normal() + (i < changesAt ? 0 : 2);
  });
}

const alarmsOf = (detector: Detector, xs: readonly number[]) =>
  xs.flatMap((x, i) => (detector.update(x) === 'drift' ? [i] : []));

describe.each(detectors)('$name', ({ make, alarms }) => {
  const { takes } = make();

  it('should alarm where it always did', () => {
    expect(alarmsOf(make(), stream(takes, 7)).slice(0, 3)).toEqual(alarms);
  });

  it('should find a large change within 150 observations', () => {
    const found = [1, 2, 3].map((seed) => {
      const detector = make();
      const xs = stream(takes, seed);
      // Whatever it said before the change, it has begun a new run by then.
      return alarmsOf(detector, xs).some((at) => at >= 1_000 && at < 1_150);
    });
    expect(found).toEqual([true, true, true]);
  });

  it('should say nothing about a stream that never changes', () => {
    const detector = make();
    const constant = takes === 'bit' ? 0 : 0.25;
    expect(alarmsOf(detector, new Array<number>(2_000).fill(constant))).toEqual([]);
  });

  it('should go on from a saved state as if it had never stopped', () => {
    const xs = stream(takes, 11);
    const whole = make();
    const levels = xs.map((x) => whole.update(x));
    let piece = make();
    const resumed = xs.map((x, i) => {
      if (i % 97 === 0) {
        const saved = JSON.parse(JSON.stringify(piece.save())) as ReturnType<Detector['save']>;
        piece = make();
        piece.load(saved);
      }
      return piece.update(x);
    });
    expect(resumed).toEqual(levels);
  });

  it('should begin a new run after an alarm', () => {
    const detector = make();
    const xs = stream(takes, 5);
    const first = xs.findIndex((x) => detector.update(x) === 'drift');
    const rest = xs.slice(first + 1);
    expect(rest.map((x) => detector.update(x))).toEqual(
      ((fresh) => rest.map((x) => fresh.update(x)))(make()),
    );
  });

  it('should not share its state with what it saved', () => {
    const detector = make();
    const saved = detector.save();
    const before = JSON.stringify(saved);
    for (const x of stream(takes, 3, 50, 60)) detector.update(x);
    expect(JSON.stringify(saved)).toBe(before);
  });

  it('should refuse what is no observation and stay as it was', () => {
    const detector = make();
    const before = JSON.stringify(detector.save());
    for (const bad of [NaN, Infinity, -Infinity, ...(takes === 'bit' ? [0.5, 2, -1] : [])])
      expect(() => detector.update(bad)).toThrow(
        expect.objectContaining({ code: 'quality.observation-invalid' }),
      );
    expect(JSON.stringify(detector.save())).toBe(before);
  });
});

describe('options of detectors', () => {
  it.each<[string, () => Detector]>([
    ['arl0', () => new Cusum({ arl0: 9 })],
    ['arl0', () => new Ewma({ reference, arl0: 2e9 })],
    ['reference.sd', () => new Cusum({ reference: { mean: 0, sd: 0 } })],
    ['shift', () => new Cusum({ shift: NaN })],
    ['learnFrom', () => new Cusum({ learnFrom: 1 })],
    ['threshold', () => new Cusum({ threshold: 0 })],
    ['p0', () => new BernoulliCusum({ p0: 0, p1: 0.1 })],
    ['p1', () => new BernoulliCusum({ p0: 0.1, p1: 0.1 })],
    ['lambda', () => new Ewma({ reference, lambda: 1.01 })],
    ['minObservations', () => new PageHinkley({ minObservations: 0.5 })],
    ['delta', () => new Adwin({ delta: 1 })],
    ['maxBuckets', () => new Adwin({ maxBuckets: 1 })],
    ['drift', () => new Ddm({ warning: 3, drift: 2.9 })],
    ['alpha', () => new Eddm({ alpha: 0.8, beta: 0.9 })],
    ['warning', () => new HddmA({ drift: 0.01, warning: 0.001 })],
    ['lambda', () => new HddmW({ lambda: 0 })],
    ['window', () => new Kswin({ window: 59, newest: 30 })],
  ])('should be refused by name when %s is out of range', (option, make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'quality.option-invalid', data: expect.objectContaining({ option }) }),
    );
  });
});
