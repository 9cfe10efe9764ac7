import { describe, expect, it } from '@jest/globals';
import { hypergeometricTail, searchAttributes, type Attributes } from './attribute-search.js';
import { scopeOf } from './scope.js';
import { verdictOf, type DriftEvidence, type FeatureShift } from './verdict.js';

/** 60 devices: sites a, b, c in turn; batches of ten; version 1.0.0 and every fourth 1.1.0. */
const fleet: Attributes[] = Array.from({ length: 60 }, (_, j) => ({
  site: 'abc'[j % 3]!,
  batch: `b${Math.floor(j / 10)}`,
  version: j % 4 === 0 ? 'kws@1.1.0' : 'kws@1.0.0',
  serial: `s${j}`,
}));
const where = (is: (one: Attributes) => boolean) => fleet.map(is);
const levels = (moving: readonly boolean[]) => moving.map((is) => (is ? 0.8 : 0.05));
const alarm = (...devices: number[]) => new Map(devices.map((j) => [j, 1 as const]));

describe('searchAttributes', () => {
  it('should find the value that the drifted devices share', () => {
    const [cause] = searchAttributes(
      fleet,
      where(({ batch }) => batch === 'b2'),
    );
    expect(cause).toMatchObject({
      values: [{ attribute: 'batch', value: 'b2' }],
      members: 10,
      drifted: 10,
      covers: 1,
      purity: 1,
    });
    expect(cause!.p).toBeLessThan(1e-6);
  });

  it('should find a pair where one value alone does not explain it', () => {
    const [cause] = searchAttributes(
      fleet,
      where(({ site, version }) => site === 'a' && version === 'kws@1.1.0'),
    );
    expect(cause!.values.map(({ value }) => value).sort()).toEqual(['a', 'kws@1.1.0']);
  });

  it('should find nothing in scattered devices, however many values are tried', () => {
    let found = 0;
    for (let seed = 0; seed < 200; seed++) {
      const drifted = fleet.map((_, j) => (j * 7_919 + seed * 104_729) % 61 < 8);
      if (searchAttributes(fleet, drifted).length > 0) found++;
    }
    expect(found).toBeLessThanOrEqual(6);
    expect(
      searchAttributes(
        fleet,
        where(() => false),
      ),
    ).toEqual([]);
  });

  it('should use the exact law', () => {
    // Fisher's tea: 3 of 4 and more.
    expect(hypergeometricTail(3, 4, 4, 8)).toBeCloseTo(17 / 70, 12);
    expect(hypergeometricTail(0, 4, 4, 8)).toBeCloseTo(1, 12);
  });
});

describe('scopeOf', () => {
  const still = where(() => false);
  it('should be one device when nobody else moves', () => {
    expect(scopeOf(fleet, levels(still), alarm(7))).toEqual({ kind: 'device', device: 7 });
  });

  it('should be a site, a batch or a version when most of it moves', () => {
    for (const [attribute, value] of [
      ['site', 'b'],
      ['batch', 'b4'],
      ['version', 'kws@1.1.0'],
    ] as const) {
      const moving = where((one) => one[attribute] === value);
      expect(scopeOf(fleet, levels(moving), alarm(moving.indexOf(true)))).toMatchObject({
        kind: 'attribute',
        cause: { values: [{ attribute, value }] },
      });
    }
  });

  it('should be everyone when the fleet alarms, and several when they share nothing', () => {
    expect(scopeOf(fleet, levels(still), alarm(1), 1).kind).toBe('everyone');
    expect(scopeOf(fleet, levels(where(() => true)), alarm(1)).kind).toBe('everyone');
    expect(scopeOf(fleet, levels(still), alarm(1, 23, 47))).toEqual({
      kind: 'devices',
      devices: [1, 23, 47],
    });
  });

  it('should not take opposite movements for one', () => {
    const mixed = fleet.map((_, j) => (j % 2 === 0 ? 0.8 : -0.8));
    expect(scopeOf(fleet, mixed, alarm(0)).kind).not.toBe('everyone');
  });
});

describe('verdictOf', () => {
  const shift = (feature: string, sensor: string, score: number): FeatureShift => ({
    feature,
    sensor,
    mean: score / 10,
    spread: 1,
    score,
  });
  const accelerometerOnly = [
    shift('acc x', 'accelerometer', 9),
    shift('acc y', 'accelerometer', -6),
    shift('gyro x', 'gyroscope', 0.3),
  ];
  const all = accelerometerOnly.map((one) => ({ ...one, score: 8, mean: 0.8 }));
  const oneDevice = { kind: 'device', device: 3 } as const;
  const cause = (attribute: string, value: string) => ({
    kind: 'attribute' as const,
    devices: [1, 2, 3],
    cause: { values: [{ attribute, value }], members: 10, drifted: 9, covers: 0.9, purity: 0.9, p: 1e-6 },
  });
  const kindOf = (evidence: DriftEvidence) => verdictOf(evidence, (j) => `device-${j}`).kind;

  it('should name a sensor with its device and what moved', () => {
    const verdict = verdictOf({ scope: oneDevice, shifts: accelerometerOnly }, (j) => `device-${j}`);
    expect(verdict).toMatchObject({ kind: 'sensor', scope: 'device', title: 'Sensor: device-3' });
    expect(verdict.evidence).toContain('acc x: mean +0.90 sd');
    expect(verdict.evidence).toContain('only accelerometer moved, not gyroscope');
  });

  it('should name a sensor by its counters wherever it is', () => {
    const counters = [{ name: 'stuck', now: 0.1, before: 0 }];
    const verdict = verdictOf({ scope: oneDevice, shifts: [], counters }, String);
    expect(verdict.kind).toBe('sensor');
    expect(verdict.evidence).toContain('stuck: 10 % of samples, before 0.0 %');
  });

  it('should name the pre-processing of a version', () => {
    expect(kindOf({ scope: cause('version', 'kws@1.1.0'), shifts: all })).toBe('pre-processing');
    expect(kindOf({ scope: { kind: 'everyone', devices: [] }, shifts: all, windowsSinceActivation: 2 })).toBe(
      'pre-processing',
    );
  });

  it('should name the world at a site and everywhere, and a batch its sensor', () => {
    expect(kindOf({ scope: cause('site', 'a'), shifts: all })).toBe('world');
    expect(kindOf({ scope: { kind: 'everyone', devices: [] }, shifts: all })).toBe('world');
    expect(kindOf({ scope: cause('batch', 'b2'), shifts: all })).toBe('sensor');
  });

  it('should name the class mix when it explains the features, and not when it does not', () => {
    const classMeans = [
      [1, 0, -1],
      [-1, 0.5, 1],
    ];
    const classes = { baseline: [0.5, 0.5], current: [0.9, 0.1] };
    const explained = [0.8, -0.2, -0.8].map((mean, f) => ({ ...all[f]!, mean, score: mean * 20 }));
    const given = { scope: oneDevice, classes, classMeans };
    expect(kindOf({ ...given, shifts: explained })).toBe('class mix');
    expect(kindOf({ ...given, shifts: explained.map((one) => ({ ...one, mean: -one.mean })) })).toBe(
      'sensor',
    );
  });

  it('should name the class mix rather than the world, of everyone and of a site', () => {
    const classes = { baseline: [0.5, 0.5], current: [0.8, 0.2], labels: ['walk', 'sit'], score: 9 };
    const classMeans = [
      [1, 0],
      [-1, 0],
    ];
    const [moved, still] = [
      { ...all[0]!, mean: 0.6, score: 12 },
      { ...all[1]!, mean: 0.02, score: 0.4 },
    ];
    for (const scope of [{ kind: 'everyone', devices: [] } as const, cause('site', 'a')]) {
      const given = { scope, classes, classMeans, shifts: [moved, still] };
      const verdict = verdictOf(given, String);
      expect(verdict.kind).toBe('class mix');
      expect(verdict.evidence).toContain('other classes: walk 80 %, before 50 %; sit 20 %, before 50 %');
      // The same classes, and features that they do not bring.
      expect(kindOf({ ...given, shifts: [moved, { ...still, mean: 0.9, score: 9 }] })).toBe('world');
      // Features that these classes would have moved stand still.
      expect(kindOf({ ...given, shifts: [{ ...moved, mean: 0, score: 0 }, still] })).toBe('world');
      // Samples that are stuck explain other classes, and not the other way round.
      const counters = [{ name: 'stuck', now: 0.2, before: 0 }];
      expect(kindOf({ ...given, counters })).toBe('sensor');
    }
  });

  it('should name the class mix by the classes alone only while the model is as sure as ever', () => {
    const certain = (score: number) => [{ feature: 'confidence', mean: score / 10, spread: 1, score }];
    const given = {
      scope: { kind: 'everyone', devices: [] } as const,
      classes: { baseline: [0.5, 0.5], current: [0.8, 0.2], score: 9 },
    };
    expect(kindOf({ ...given, shifts: certain(0.3), certainty: certain(0.3) })).toBe('class mix');
    expect(kindOf({ ...given, shifts: certain(-8), certainty: certain(-8) })).toBe('world');
    // Classes that moved by chance explain nothing.
    expect(
      kindOf({ ...given, classes: { ...given.classes, score: 2 }, shifts: all, certainty: certain(0) }),
    ).toBe('world');
  });

  it('should not guess without anything that moved', () => {
    expect(kindOf({ scope: oneDevice, shifts: [] })).toBe('unknown');
  });
});
