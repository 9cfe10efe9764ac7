import { describe, expect, it } from '@jest/globals';
import { Random } from '@tinyfleet/quality';
import type { GateDevice } from './evidence.js';
import type { GateKind, GatePolicy } from './kinds.js';
import { CohortLedger } from './ledger.js';
import { weigh } from './weigh.js';

const policyOf = (kind: GateKind, margin: number): GatePolicy => ({
  gates: [{ kind, margin, passFromDevices: 2 }],
  alpha: 0.05,
  power: 0.95,
  windowSeconds: 300,
  warmUpSeconds: 0,
});

/** A share that holds with probability p is seen above this in one of 1,000 tests. */
const most = (p: number, runs: number): number => p + 3.1 * Math.sqrt((p * (1 - p)) / runs);

describe('errors under peeking', () => {
  it.each([
    [10, 0.02],
    [10, 0.06],
    [50, 0.02],
    [50, 0.06],
  ])(
    'should stop and pass a version just at its margin no more often than allowed, judged every hour (%i devices of sd %d)',
    (step, sd) => {
      const runs = 120;
      let [stopped, passed] = [0, 0];
      for (let run = 0; run < runs; run++) {
        const outcome = watch(new Random(1_000 * step + run), step, sd);
        if (outcome === 'fail') stopped++;
        if (outcome === 'pass') passed++;
      }
      expect(stopped / runs).toBeLessThanOrEqual(most(0.05, runs));
      expect(passed / runs).toBeLessThanOrEqual(most(0.05, runs));
    },
  );

  /** Confidence of correlated hours, the step 4 points below the control and the margin 4: until it is decided. */
  function watch(random: Random, step: number, sd: number): string {
    const devices = Array.from({ length: step + 40 }, (_, i): GateDevice => ({
      device: `d${i}`,
      arm: i < step ? 'step' : 'control',
      type: 'alpha',
      site: 'north',
      install: null,
      selfTest: null,
      contact: null,
    }));
    const ledger = new CohortLedger(devices, [{ key: 'confidence', isRelative: false, hours: 1 }]);
    const own = devices.map(({ arm }) => 0.9 - (arm === 'step' ? 0.04 : 0) + sd * random.normal());
    const state = devices.map(() => random.normal());
    const weight = new Float64Array(devices.length).fill(1_200);
    for (let hour = 0; hour < 16; hour++) {
      const total = Float64Array.from(own, (mean, i) => {
        state[i] = 0.5 * state[i]! + Math.sqrt(0.75) * random.normal();
        return 1_200 * (mean + 0.02 * state[i]);
      });
      ledger.addHour(hour * 3_600_000, [{ metric: 'confidence', weight, total }]);
      const { outcome } = weigh(policyOf('confidence', 4), {
        step: 0,
        steps: 1,
        stepDevices: step,
        soakedMs: 1,
        minSoakMs: 0,
        maxSoakMs: null,
        devices,
        ledger,
      });
      if (outcome !== 'undecided') return outcome;
    }
    return 'undecided';
  }

  it('should stop for failures just at their margin no more often than allowed, judged after every ten devices', () => {
    const runs = 400;
    let stopped = 0;
    const ledger = new CohortLedger([], []);
    for (let run = 0; run < runs; run++) {
      const random = new Random(77_000 + run);
      const devices: GateDevice[] = [];
      while (devices.length < 200) {
        const install = random.uniform() < 0.05 ? 'failed' : 'active';
        const device = `d${devices.length}`;
        devices.push({ device, arm: 'step', type: 'a', site: 'n', install, selfTest: null, contact: null });
        if (devices.length % 10 > 0) continue;
        const { outcome } = weigh(policyOf('install-failure', 5), {
          step: 0,
          steps: 1,
          stepDevices: 200,
          soakedMs: 0,
          minSoakMs: 1,
          maxSoakMs: null,
          devices,
          ledger,
        });
        if (outcome !== 'fail') continue;
        stopped++;
        break;
      }
    }
    expect(stopped / runs).toBeLessThanOrEqual(most(0.05, runs));
  });
});
