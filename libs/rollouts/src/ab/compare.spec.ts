import { describe, expect, it } from '@jest/globals';
import { Random, type CohortWindow } from '@tinyfleet/quality';
import { CohortHours, type GateDevice, type GateKind, type GatePolicy } from '../gates/index.js';
import { compareArms } from './compare.js';

const hour = 3_600_000;
const policyOf = (kind: GateKind, margin?: number): GatePolicy => ({
  gates: [{ kind, ...(margin !== undefined && { margin }) }],
  ...{ alpha: 0.05, power: 0.95, windowSeconds: 300, warmUpSeconds: 0 },
});

interface World {
  readonly devices?: number;
  /** Of labels that are right, by side. */
  readonly accuracy?: readonly [a: number, b: number];
  readonly share?: readonly [a: number, b: number];
  readonly hours?: number;
  readonly seed?: number;
  readonly soakedMs?: number;
  readonly maxSoakMs?: number | null;
}

function compare(policy: GatePolicy, world: World) {
  const { devices: n = 200, accuracy = [0.9, 0.9], share = [0.5, 0.5], hours: length = 48, seed = 1 } = world;
  const random = new Random(seed);
  const hours = new CohortHours();
  const devices = Array.from({ length: n }, (_, i): GateDevice => {
    const side = i % 2;
    const arm = side === 1 ? 'step' : 'control';
    const [type, site] = [i % 4 < 2 ? 'alpha' : 'beta', 'north'];
    const own = accuracy[side as 0 | 1] + 0.02 * random.normal();
    hours.add(
      arm,
      Array.from({ length }, (__, h): CohortWindow => {
        const correct = Array.from({ length: 20 }, () => random.uniform() < own).filter(Boolean).length;
        const first = Math.round(100 * (share[side as 0 | 1] + 0.02 * random.normal()));
        return {
          ...{
            device: `d${i}`,
            type,
            site,
            windowStartMs: h * hour,
            windowMs: 300_000,
            n: 100,
            confidenceBins: 1,
          },
          ...{ classes: [first, 100 - first], ood: null, counters: [0, 0, 0, 0, 0, 0], cyclesMean: 1_000 },
          ...{ batteryPercent: null, labelled: 20, correct },
        };
      }),
    );
    return { device: `d${i}`, arm, type, site, install: null, selfTest: null, contact: 'heard' };
  });
  return compareArms(policy, {
    ...{ step: 0, steps: 1, stepDevices: n / 2, devices, minSoakMs: hour },
    soakedMs: world.soakedMs ?? 2 * hour,
    maxSoakMs: world.maxSoakMs ?? null,
    ledger: hours.ledger(devices, policy),
  });
}

describe('compareArms', () => {
  it('should find the better side, whichever it is, with an effect that holds the truth', () => {
    const b = compare(policyOf('accuracy'), { accuracy: [0.8, 0.9] });
    expect(b).toMatchObject({ outcome: 'b-better', gates: { outcome: 'pass' } });
    expect(b.effects[0]!.low).toBeLessThan(10);
    expect(b.effects[0]!.high).toBeGreaterThan(10);
    expect(b.words).toMatch(/^B is better: accuracy \d+(\.\d+)? points better with B \(bounds \+/);
    const a = compare(policyOf('accuracy'), { accuracy: [0.9, 0.8] });
    expect(a.outcome).toBe('a-better');
    expect(a.words).toMatch(/^A is better: accuracy \d+(\.\d+)? points worse with B \(bounds -/);
  });

  it('should call a difference none that lies within the margin', () => {
    const { outcome, words } = compare(policyOf('accuracy', 4), { accuracy: [0.9, 0.9] });
    expect(outcome).toBe('same');
    expect(words).toContain('no difference that matters');
  });

  it('should stay open while it is not clear, and end so when its time is over', () => {
    const small = { devices: 8, hours: 2, accuracy: [0.9, 0.88] as const };
    expect(compare(policyOf('accuracy', 1), small)).toMatchObject({
      outcome: 'open',
      gates: { outcome: 'undecided' },
    });
    const over = compare(policyOf('accuracy', 1), { ...small, maxSoakMs: 2 * hour });
    expect(over).toMatchObject({ outcome: 'none', gates: { outcome: 'pass', expired: true } });
  });

  it('should not stop before its least time, however clear it is', () => {
    const { outcome, gates } = compare(policyOf('accuracy'), { accuracy: [0.5, 0.9], soakedMs: hour / 2 });
    expect(outcome).toBe('open');
    expect(gates.needs).toEqual(['30 minutes more']);
  });

  it('should find that classes are predicted more or less often', () => {
    const { outcome, effects } = compare(policyOf('class-mix', 3), { share: [0.5, 0.6] });
    expect(outcome).toBe('differs');
    expect(effects.map(({ metric }) => metric).sort()).toEqual(['class-mix:0', 'class-mix:1']);
    expect(effects.find(({ metric }) => metric === 'class-mix:0')!.effect).toBeCloseTo(10, 0);
  });

  it('should say so when nobody reports the metric', () => {
    const { outcome, words } = compare(policyOf('energy'), {});
    expect(outcome).toBe('open');
    expect(words).toContain('nobody reports battery used yet');
  });

  it('should hardly ever find a difference between equals, looked at again and again', () => {
    let found = 0;
    for (let seed = 0; seed < 40; seed++) {
      const looks = [4, 12, 24].map(
        (hours) => compare(policyOf('accuracy', 0.5), { devices: 40, hours, seed }).outcome,
      );
      if (looks.some((outcome) => outcome === 'b-better' || outcome === 'a-better')) found++;
    }
    expect(found).toBeLessThanOrEqual(4);
  });
});
