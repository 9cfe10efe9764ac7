import { describe, expect, it } from '@jest/globals';
import type { Baseline } from '../baseline.js';
import { Random } from '../statistics/random.js';
import { comparePeers, LEAST_PEERS, peerReference, type PeerWindow } from './compare.js';

const COUNTERS = ['saturated', 'stuck', 'dropped', 'invalid'];
/** Means of one feature in its two classes, and its standard deviation within them. */
const MEANS = [-20, 40];
const SD = 5;
const N = 40;
const LEVEL = 1e-5;

const baseline: Baseline = {
  ...{ samples: 400, accuracy: 1, histogram: [], correct: [], confusion: [], ood: null },
  features: [
    {
      ...{ name: 'mean of x', edges: [], counts: [], correct: [], scale: 0.5, zeroPoint: 0, centre: 10 },
      ...{ n: 400, sum: 200 * (MEANS[0]! + MEANS[1]! - 20), min: -36, max: 56 },
      sumSquares: MEANS.reduce((all, mean) => all + 200 * ((mean - 10) ** 2 + SD * SD), 0),
      classes: MEANS.map((mean) => ({ n: 200, sum: 200 * (mean - 10) })),
    },
  ],
};
const reference = peerReference(baseline, COUNTERS)!;

/** Windows of one device: `share` of the second class, `own` what it adds to all, `does` what becomes of a value. */
function device(
  random: Random,
  given: { own?: number; share?: number; stuck?: number; does?: (x: number, c: number) => number } = {},
): PeerWindow[] {
  const { own = random.normal(), share = random.uniform(), stuck = 0, does = (x) => x } = given;
  return Array.from({ length: 8 }, () => {
    const classes = [0, 0];
    const values = Array.from({ length: N }, () => {
      const c = random.uniform() < share ? 1 : 0;
      classes[c]!++;
      return Math.round(does(MEANS[c]! + own + SD * random.normal(), c));
    });
    const sum = values.reduce((all, x) => all + x - 10, 0);
    return {
      ...{ n: N, classes, counters: [0, stuck, 0, 0] },
      features: [{ n: N, sum, min: Math.min(...values), max: Math.max(...values) }],
    };
  });
}

const fleet = (random: Random, size = 20): PeerWindow[][] =>
  Array.from({ length: size }, () => device(random));

describe('devices that are compared with each other', () => {
  it('should be alike when they do different things and differ a little in their means', () => {
    for (let seed = 0; seed < 8; seed++) {
      const random = new Random(seed);
      // One that does but one thing among them.
      const devices = [...fleet(random), device(random, { share: 0 }), device(random, { share: 1 })];
      expect(comparePeers(devices, [0, 1, 20, 21], reference, LEVEL)).toEqual([]);
    }
  });

  it('should tell the one whose level is another, whatever it does', () => {
    for (const share of [0, 0.5, 1]) {
      const random = new Random(7);
      const devices = [...fleet(random), device(random, { own: 15, share })];
      const [found, ...more] = comparePeers(devices, [3, 20], reference, LEVEL)!;
      expect(more).toEqual([]);
      expect(found).toMatchObject({ device: 20, others: 20 });
      expect(found!.findings.map(({ stream }) => stream.name)).toContain('mean of x');
      const level = found!.findings.find(({ stream }) => stream.kind === 'level')!;
      // In units: 15 steps of a half.
      expect(Math.abs(level.value - level.others - 7.5)).toBeLessThan(1.5);
    }
  });

  it('should not call a device strange that is misread as validation data was, for as long as it does one thing', () => {
    const random = new Random(21);
    // What it does is the second class; the model says the first.
    const misread = device(random, { own: 0, share: 1 }).map((one) => ({ ...one, classes: [N, 0] }));
    const levels = (confusion: number[][]) =>
      comparePeers(
        [...fleet(random), misread],
        [20],
        peerReference({ ...baseline, confusion }, COUNTERS)!,
        LEVEL,
      )!.flatMap(({ findings }) => findings.filter(({ stream }) => stream.kind === 'level'));
    const [never, sometimes] = [
      [
        [200, 0],
        [0, 200],
      ],
      [
        [200, 0],
        [4, 196],
      ],
    ];
    expect(levels(never)).toHaveLength(1);
    expect(levels(sometimes)).toEqual([]);
    // Taking the second class for the first says nothing of the first taken for the second.
    expect(
      levels([
        [196, 4],
        [0, 200],
      ]),
    ).toHaveLength(1);
  });

  it('should let a class that few others do be done in a way of its own', () => {
    const random = new Random(23);
    const others = (count: number) => [
      ...Array.from({ length: 20 - count }, () => device(random, { share: 0 })),
      ...Array.from({ length: count }, () => device(random, { share: 1 })),
    ];
    const own = device(random, { own: 15, share: 1 });
    const levels = (peers: PeerWindow[][]) =>
      comparePeers([...peers, own], [20], reference, LEVEL)!.flatMap(({ findings }) =>
        findings.filter(({ stream }) => stream.kind === 'level'),
      );
    expect(levels(others(LEAST_PEERS - 1))).toEqual([]);
    expect(levels(others(LEAST_PEERS))).toHaveLength(1);
  });

  it('should tell a level that no class explains, although classes are confused', () => {
    const random = new Random(7);
    const confused = peerReference(
      {
        ...baseline,
        confusion: [
          [190, 10],
          [10, 190],
        ],
      },
      COUNTERS,
    )!;
    for (const [own, share] of [
      [-20, 0],
      [20, 1],
    ] as const)
      expect(
        comparePeers([...fleet(random), device(random, { own, share })], [20], confused, LEVEL)!
          .flatMap(({ findings }) => findings)
          .map(({ stream }) => stream.kind),
      ).toContain('level');
  });

  it('should tell one that reaches what no class reaches, although it looks like another class', () => {
    const random = new Random(9);
    // What is turned around looks like the first class, and so it is predicted; but the real first class is seen by nobody.
    const turned = device(random, { share: 0.5, does: (x, c) => (c === 1 ? -20 : -80) }).map((one) => ({
      ...one,
      classes: [N, 0],
    }));
    const [found] = comparePeers([...fleet(random), turned], [20], reference, LEVEL)!;
    expect(found!.findings.map(({ stream }) => stream.name)).toContain('lowest mean of x');
    const lowest = found!.findings.find(({ stream }) => stream.kind === 'low')!;
    expect(lowest.value).toBe(-40);
  });

  it('should not take what validation data reached for strange', () => {
    const random = new Random(9);
    const far = device(random, { does: (x, c) => (c === 1 ? x : -80) });
    const wide = { ...reference, features: reference.features.map((one) => ({ ...one, min: -90 })) };
    const kinds = (of: typeof reference) =>
      comparePeers([...fleet(random), far], [20], of, LEVEL)!.flatMap(({ findings }) =>
        findings.map(({ stream }) => stream.kind),
      );
    expect(kinds(reference)).toContain('low');
    expect(kinds(wide)).not.toContain('low');
    // A little beyond is not as far from validation data as it is from the others.
    const nearly = { ...reference, features: reference.features.map((one) => ({ ...one, min: -78 })) };
    expect(kinds(nearly)).not.toContain('low');
  });

  it('should tell one whose samples are stuck', () => {
    const random = new Random(5);
    const [found] = comparePeers([...fleet(random), device(random, { stuck: 4 })], [20], reference, LEVEL)!;
    expect(found!.findings[0]).toMatchObject({
      stream: { name: 'share of stuck inferences' },
      ...{ value: 0.1, others: 0 },
    });
  });

  it('should find the strangers when a few of the others are strange, too', () => {
    const random = new Random(13);
    const devices = [
      ...fleet(random),
      ...[device(random, { own: 20 }), device(random, { own: -20 }), device(random, { stuck: 8 })],
    ];
    const found = comparePeers(
      devices,
      devices.map((_, j) => j),
      reference,
      LEVEL,
    )!;
    expect(found.map(({ device: j }) => j)).toEqual([20, 21, 22]);
  });

  it('should say nothing of fewer than the least number of others, or where a third is strange', () => {
    const random = new Random(17);
    const strange = device(random, { stuck: 20 });
    expect(comparePeers([strange, ...fleet(random, LEAST_PEERS - 1)], [0], reference, LEVEL)).toBeUndefined();
    expect(comparePeers([strange, ...fleet(random, LEAST_PEERS)], [0], reference, LEVEL)).toHaveLength(1);
    // Each of the strangers is one in a way of its own.
    const some = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        device(random).map((one) => ({ ...one, counters: COUNTERS.map((__, c) => (c === i % 4 ? 20 : 0)) })),
      );
    expect(comparePeers([...some(6), ...fleet(random, 12)], [0], reference, LEVEL)).toHaveLength(1);
    expect(comparePeers([...some(7), ...fleet(random, 12)], [0], reference, LEVEL)).toBeUndefined();
  });

  it('should have no reference without means by class', () => {
    const features = baseline.features.map((one) => ({ ...one, classes: [] }));
    expect(peerReference({ ...baseline, features }, COUNTERS)).toBeUndefined();
    expect(peerReference({ ...baseline, features: [] }, COUNTERS)).toBeUndefined();
  });
});
