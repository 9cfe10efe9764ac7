import { describe, expect, it } from '@jest/globals';
import { CohortLedger, type CohortMember, type LedgerMetric } from './ledger.js';

const hour = 3_600_000;
const member = (arm: CohortMember['arm'], type: string, site: string): CohortMember => ({
  device: `${arm}-${type}-${site}`,
  arm,
  type,
  site,
});
const add = (
  ledger: CohortLedger,
  at: number,
  rows: readonly (readonly [number, number])[],
  metric = 'm',
): void =>
  ledger.addHour(at * hour, [
    {
      metric,
      weight: Float64Array.from(rows, ([weight]) => weight),
      total: Float64Array.from(rows, ([, total]) => total),
    },
  ]);
const metric: LedgerMetric = { key: 'm', isRelative: false, hours: 1 };

describe('CohortLedger', () => {
  it('should compare a device with the control of its own type and site in the same hour', () => {
    const members = [
      member('step', 'alpha', 'north'),
      member('control', 'alpha', 'north'),
      member('control', 'alpha', 'north'),
      member('control', 'alpha', 'south'),
    ];
    const ledger = new CohortLedger(members, [metric]);
    // Control of north: (8 + 6) / 20 = .7, then 9/10; the south does not matter.
    add(ledger, 0, [
      [10, 5],
      [10, 8],
      [10, 6],
      [10, 0],
    ]);
    add(ledger, 1, [
      [30, 21],
      [10, 9],
      [0, 0],
      [10, 0],
    ]);
    const { trials, residual, batches } = ledger.sums('m')!;
    expect(trials[0]).toBe(40);
    expect(residual[0]).toBeCloseTo(10 * (0.5 - 0.7) + 30 * (0.7 - 0.9), 12);
    expect([...batches]).toEqual([2, 2, 1, 2]);
    expect(residual[1]! + residual[2]!).toBeCloseTo(0, 12);
  });

  it('should take the control of the type where the site has none, and never that of another type', () => {
    const members = [
      member('step', 'alpha', 'west'),
      member('step', 'beta', 'north'),
      member('control', 'alpha', 'north'),
    ];
    const ledger = new CohortLedger(members, [metric]);
    add(ledger, 0, [
      [10, 5],
      [10, 5],
      [10, 9],
    ]);
    const { trials, residual } = ledger.sums('m')!;
    expect(residual[0]).toBeCloseTo(-4, 12);
    expect(trials[1]).toBe(0);
  });

  it('should compare in shares of the control where it is asked to', () => {
    const members = [member('step', 'alpha', 'north'), member('control', 'alpha', 'north')];
    const ledger = new CohortLedger(members, [{ ...metric, isRelative: true }]);
    add(ledger, 0, [
      [10, 1_200],
      [10, 1_000],
    ]);
    add(ledger, 1, [
      [10, 1_200],
      [10, 0],
    ]);
    expect(ledger.sums('m')!.residual[0]).toBeCloseTo(2, 12);
    expect(ledger.sums('m')!.trials[0]).toBe(10);
  });

  it('should compare by day what an hour holds too little of, with the day that is not over', () => {
    const members = [member('step', 'alpha', 'north'), member('control', 'alpha', 'north')];
    const ledger = new CohortLedger(members, [{ ...metric, hours: 24 }]);
    add(ledger, 22, [
      [1, 1],
      [0, 0],
    ]);
    add(ledger, 23, [
      [1, 0],
      [4, 3],
    ]);
    expect(ledger.sums('m')!.residual[0]).toBeCloseTo(2 * (0.5 - 0.75), 12);
    expect(ledger.sums('m')!.batches[0]).toBe(1);
    add(ledger, 24, [
      [1, 1],
      [2, 1],
    ]);
    expect(ledger.sums('m')!.residual[0]).toBeCloseTo(2 * (0.5 - 0.75) + 0.5, 12);
    expect(ledger.sums('m')!.batches[0]).toBe(2);
  });
});
