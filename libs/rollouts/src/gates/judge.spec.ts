import { describe, expect, it } from '@jest/globals';
import { Random, type CohortWindow } from '@tinyfleet/quality';
import { CohortHours } from './cohort-hours.js';
import type { GateDevice, GateEvidence } from './evidence.js';
import { judge } from './judge.js';
import type { GateKind, GatePolicy } from './kinds.js';

const hour = 3_600_000;
const policyOf = (kinds: readonly GateKind[]): GatePolicy => ({
  gates: kinds.map((kind) => ({ kind })),
  alpha: 0.05,
  power: 0.95,
  windowSeconds: 300,
  warmUpSeconds: 0,
});

interface Fleet {
  readonly devices: GateDevice[];
  readonly hours: CohortHours;
}

/** 200 devices of two types and sites, and a step whose labels come out with a probability of each type's. */
function fleet(step: number, accuracy: Record<string, number>, seed = 1): Fleet {
  const random = new Random(seed);
  const devices: GateDevice[] = [];
  const hours = new CohortHours();
  for (let i = 0; i < 200 + step; i++) {
    const arm = i < step ? 'step' : 'control';
    const [type, site] = [i % 2 === 0 ? 'alpha' : 'beta', i % 4 < 2 ? 'north' : 'south'];
    const install = arm === 'step' ? 'active' : null;
    devices.push({ device: `d${i}`, arm, type, site, install, selfTest: null, contact: 'heard' });
    const own = (arm === 'step' ? (accuracy[type] ?? 0.9) : 0.9) + 0.02 * random.normal();
    const windows = Array.from({ length: 24 }, (_, h): CohortWindow => {
      const correct = Array.from({ length: 20 }, () => random.uniform() < own).filter(Boolean).length;
      return window(`d${i}`, h, { type, site, labelled: 20, correct });
    });
    hours.add(arm, windows);
  }
  return { devices, hours };
}

const window = (device: string, h: number, given: Partial<CohortWindow>): CohortWindow => ({
  device,
  type: 'alpha',
  site: 'north',
  windowStartMs: h * hour,
  windowMs: 300_000,
  n: 100,
  confidenceBins: 8,
  classes: [0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 40],
  ood: null,
  counters: [0, 0, 0, 0, 0, 0],
  cyclesMean: 1_000,
  batteryPercent: null,
  labelled: 0,
  correct: 0,
  ...given,
});

function evidenceOf(
  policy: GatePolicy,
  { devices, hours }: Fleet,
  given: Partial<GateEvidence> = {},
): GateEvidence {
  return {
    step: 0,
    steps: 3,
    stepDevices: devices.filter(({ arm }) => arm === 'step').length,
    soakedMs: 24 * hour,
    minSoakMs: hour,
    maxSoakMs: 48 * hour,
    devices,
    ledger: hours.ledger(devices, policy),
    ...given,
  };
}

describe('judge', () => {
  const accuracy = policyOf(['accuracy']);

  it('should pass a version that is as good, and say so', () => {
    const verdict = judge(accuracy, evidenceOf(accuracy, fleet(60, {})));
    expect(verdict).toMatchObject({ outcome: 'pass', words: 'all gates passed', needs: [], segments: [] });
    const { low, margin, devices, controlDevices } = verdict.findings[0]!;
    expect(low).toBeGreaterThan(-margin);
    expect([devices, controlDevices]).toEqual([60, 200]);
  });

  it('should fail a version that is worse than the margin, with its evidence in words', () => {
    const verdict = judge(accuracy, evidenceOf(accuracy, fleet(60, { alpha: 0.8, beta: 0.8 })));
    expect(verdict).toMatchObject({ outcome: 'fail', segments: [] });
    expect(verdict.words).toMatch(
      /^accuracy.*: \d+(\.\d+)? points lower than the control \(bounds -.* to -.*, margin 4\); \d+ devices against \d+$/,
    );
    expect(verdict.findings[0]!.high).toBeLessThan(-4);
  });

  it('should fail the one type that is worse, and not its sites', () => {
    const verdict = judge(accuracy, evidenceOf(accuracy, fleet(60, { beta: 0.78 })));
    expect(verdict).toMatchObject({ outcome: 'fail', segments: [{ by: 'type', value: 'beta' }] });
    expect(verdict.words).toMatch(/^only type beta fails: accuracy of type beta: /);
  });

  it('should wait for the least soak, and expire at the longest when it is undecided', () => {
    const good = fleet(60, {});
    const early = judge(accuracy, evidenceOf(accuracy, good, { soakedMs: hour / 2 }));
    expect(early).toMatchObject({
      outcome: 'undecided',
      expired: false,
      words: 'soak: needs 30 minutes more',
    });
    const near = fleet(60, { alpha: 0.862, beta: 0.862 });
    const late = judge(accuracy, evidenceOf(accuracy, near, { soakedMs: 48 * hour }));
    expect(late).toMatchObject({ outcome: 'undecided', expired: true });
    expect(late.words).toMatch(/^still undecided at the end of the longest soak: accuracy: /);
    expect(judge(accuracy, evidenceOf(accuracy, near, { soakedMs: 48 * hour - 1 })).expired).toBe(false);
    expect(
      judge(accuracy, evidenceOf(accuracy, near, { soakedMs: 480 * hour, maxSoakMs: null })).expired,
    ).toBe(false);
  });

  it('should not take silence of the first windows for a metric that nobody reports', () => {
    const { devices } = fleet(60, {});
    const mute = { devices, hours: new CohortHours() };
    for (const policy of [accuracy, policyOf(['class-mix'])]) {
      const at = (soakedMs: number) =>
        judge(policy, evidenceOf(policy, mute, { soakedMs, minSoakMs: 0 })).outcome;
      const firstWordMs = 3 * 1_000 * policy.windowSeconds;
      expect([at(0), at(firstWordMs - 1), at(firstWordMs)]).toEqual(['undecided', 'undecided', 'pass']);
    }
  });

  it('should let a step pass that is too small to show anything, unless it looks bad', () => {
    const small = judge(accuracy, evidenceOf(accuracy, fleet(10, {})));
    expect(small.outcome).toBe('pass');
    expect(small.findings[0]).toMatchObject({ mustPass: false });
    const bad = judge(accuracy, evidenceOf(accuracy, fleet(10, { alpha: 0.83, beta: 0.83 })));
    expect(bad.outcome).toBe('undecided');
    expect(bad.findings[0]).toMatchObject({ mustPass: true });
  });

  it('should say what it needs', () => {
    const policy: GatePolicy = { ...accuracy, gates: [{ kind: 'accuracy', margin: 1 }] };
    const verdict = judge(policy, evidenceOf(policy, fleet(36, { alpha: 0.893, beta: 0.893 })));
    expect(verdict.outcome).toBe('undecided');
    expect(verdict.needs.join()).toMatch(/needs about \d+ (devices|minutes|hours|days)|margin/);
  });

  it('should bound a difference of shares by all of them, however much few devices differ', () => {
    const policy: GatePolicy = { ...accuracy, gates: [{ kind: 'accuracy', passFromDevices: 2 }] };
    const verdict = judge(policy, evidenceOf(policy, fleet(8, { alpha: 0.02, beta: 0.3 })));
    expect(verdict.findings[0]).toMatchObject({ outcome: 'fail', low: -100 });
    expect(verdict.findings[0]!.words).toContain('(bounds -100 to ');
  });

  it('should say how many devices it needs where so few differ so much that there are no bounds', () => {
    const policy: GatePolicy = { ...policyOf(['resets']), gates: [{ kind: 'resets', passFromDevices: 2 }] };
    const hours = new CohortHours();
    // Every fifth of them resets a few times a day, on both sides.
    const devices = Array.from({ length: 10 }, (_, i): GateDevice => {
      const arm = i < 5 ? 'step' : 'control';
      const windows = Array.from({ length: 48 }, (_, h) => {
        const resets = i % 5 === 0 ? Math.floor(h / 8) : 0;
        return window(`d${i}`, h, { counters: [0, 0, 0, 0, 0, resets] });
      });
      hours.add(arm, windows);
      return {
        ...{ device: `d${i}`, arm, type: 'alpha', site: 'north', selfTest: null, contact: 'heard' },
        install: arm === 'step' ? 'active' : null,
      };
    });
    const verdict = judge(policy, evidenceOf(policy, { devices, hours }));
    expect(verdict.findings[0]).toMatchObject({ outcome: 'undecided', low: null, high: null });
    expect(verdict.words).toMatch(
      /^resets: 5 devices that differ so much say nothing yet: needs about \d+ devices at this spread, or a wider margin$/,
    );
  });

  it('should hold nothing up for a metric that nobody reports, and wait for one that the step does not report', () => {
    const policy = policyOf(['ood', 'latency']);
    const found = judge(policy, evidenceOf(policy, fleet(60, {})));
    expect(found.findings[0]).toMatchObject({
      mustPass: false,
      words: 'out-of-distribution inputs: nobody reports it',
    });
    expect(found.outcome).toBe('pass');
    const quiet = fleet(0, {});
    const step = Array.from({ length: 60 }, (_, i): GateDevice => ({
      ...quiet.devices[0]!,
      device: `s${i}`,
      arm: 'step',
      install: 'active',
    }));
    const waits = judge(policy, evidenceOf(policy, { ...quiet, devices: [...quiet.devices, ...step] }));
    expect(waits.outcome).toBe('undecided');
    expect(waits.needs).toContain('latency: needs reports of both sides in the same hours');
  });

  it('should not say that there is nothing where both sides report and each device has one hour', () => {
    const policy = policyOf(['confidence']);
    const hours = new CohortHours();
    const devices = Array.from({ length: 60 }, (_, i): GateDevice => {
      const arm = i < 30 ? 'step' : 'control';
      hours.add(arm, [window(`d${i}`, 0, {})]);
      const install = arm === 'step' ? 'active' : null;
      return {
        ...{ device: `d${i}`, arm, type: 'alpha', site: 'north', install },
        ...{ selfTest: null, contact: 'heard' },
      };
    });
    const [found] = judge(policy, evidenceOf(policy, { devices, hours })).findings;
    expect(found).toMatchObject({
      outcome: 'undecided',
      words: 'confidence: both sides report, too briefly to tell a difference from chance',
      needs: 'needs more hours of the same devices',
    });
  });
});

describe('the gates that count devices', () => {
  const count = (n: number, given: Partial<GateDevice>): GateDevice[] =>
    Array.from({ length: n }, (_, i) => ({
      device: `x${i}`,
      arm: 'step',
      type: 'alpha',
      site: 'north',
      install: 'active',
      selfTest: 'passed',
      contact: 'heard',
      ...given,
    }));
  const judged = (kind: GateKind, devices: GateDevice[]) => {
    const policy = policyOf([kind]);
    return judge(policy, evidenceOf(policy, { devices, hours: new CohortHours() }));
  };
  const control = (n: number, given: Partial<GateDevice> = {}): GateDevice[] =>
    count(n, { arm: 'control', install: null, selfTest: null, ...given });

  it('should fail when far more installations fail than the margin allows', () => {
    const verdict = judged('install-failure', [
      ...count(40, {}),
      ...count(20, { install: 'failed', contact: null }),
    ]);
    expect(verdict.outcome).toBe('fail');
    expect(verdict.words).toBe('failed installations: 20 of 60; 5 points more are tolerated');
  });

  it('should pass a large step with few failures, and ask for more devices where there are too few', () => {
    expect(judged('install-failure', [...count(297, {}), ...count(3, { install: 'failed' })]).outcome).toBe(
      'pass',
    );
    const policy: GatePolicy = { ...policyOf(['silence']), gates: [{ kind: 'silence', passFromDevices: 2 }] };
    const few = evidenceOf(policy, {
      devices: [...count(40, {}), ...control(200)],
      hours: new CohortHours(),
    });
    const verdict = judge(policy, few);
    expect(verdict.outcome).toBe('undecided');
    expect(verdict.needs[0]).toMatch(/^silence: needs about \d+ devices at this spread; the step has 40$/);
  });

  it('should count a pending device nowhere', () => {
    const verdict = judged('silence', [
      ...count(300, {}),
      ...count(50, { contact: 'pending' }),
      ...control(200),
    ]);
    expect(verdict).toMatchObject({ outcome: 'pass', pendingDevices: 50 });
    expect(verdict.findings[0]!.devices).toBe(300);
  });

  it('should count an installation under way nowhere', () => {
    const verdict = judged('install-timeout', [
      ...count(10, {}),
      ...count(90, { install: 'moving', contact: null }),
    ]);
    expect(verdict.findings[0]!.devices).toBe(10);
  });

  it('should fail for silence that the control does not share', () => {
    const silent = count(20, { contact: 'silent' });
    expect(judged('silence', [...count(30, {}), ...silent, ...control(200)]).outcome).toBe('fail');
  });

  it('should not fail for silence that the control shares, and judge nobody at a site that is out', () => {
    const half = [...count(10, {}), ...count(10, { contact: 'silent' })];
    const shared = [...half, ...control(120), ...control(80, { contact: 'silent' })];
    expect(judged('silence', shared).outcome).not.toBe('fail');
    const out = [
      ...count(30, { site: 'south', contact: 'silent' }),
      ...count(300, {}),
      ...control(100),
      ...control(50, { site: 'south', contact: 'silent' }),
    ];
    const verdict = judged('silence', out);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.findings[0]!.devices).toBe(300);
  });
});
