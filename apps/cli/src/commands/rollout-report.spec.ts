import { describe, expect, it } from '@jest/globals';
import { comparisonOf, renderReport } from './rollout-report.js';

describe('comparisonOf', () => {
  it('should ask for nothing by itself', () => {
    expect(comparisonOf({ soak: 60 })).toEqual({});
  });

  it('should read a shadow and a comparison, and leave out what has a default', () => {
    expect(comparisonOf({ shadow: true })).toEqual({ shadow: {} });
    expect(comparisonOf({ shadow: 10, shadowFor: 60 })).toEqual({ shadow: { every: 10, seconds: 60 } });
    expect(comparisonOf({ ab: true })).toEqual({ ab: {} });
    const given = {
      ab: 'kws@1.0.0',
      share: 20,
      metric: 'accuracy' as const,
      margin: 2,
      soak: 60,
      maxSoak: 90,
    };
    expect(comparisonOf(given)).toEqual({
      ab: {
        against: 'kws@1.0.0',
        percent: 20,
        metric: 'accuracy',
        margin: 2,
        minSeconds: 60,
        maxSeconds: 90,
      },
    });
  });

  it.each([{ share: 10 }, { metric: 'ood' as const }, { margin: 1 }, { shadowFor: 60 }])(
    'should refuse %j without what it belongs to',
    (options) => {
      expect(() => comparisonOf(options)).toThrow(/belong/);
    },
  );
});

describe('renderReport', () => {
  const base = {
    number: 3,
    release: 'kws@1.1.0',
    state: 'running' as const,
    words: ['agrees in 90.0 %', 'and more'],
  };

  it('should show what a shadow was taken for', () => {
    const counted = { devices: 2, runs: 20, agreed: 18, share: 0.9, low: null, high: null };
    const text = renderReport({
      ...{ ...base, kind: 'shadow', ab: null },
      shadow: {
        ...{ ...counted, running: 2, compared: 0, skipped: 0, unspecified: 0 },
        bySegment: [{ ...counted, by: 'site', value: 'hall' }],
        disagreements: [{ active: 'go', shadow: 'no', count: 2, share: 1 }],
        least: [{ device: 'd-1', runs: 10, share: 0.8 }],
      },
    });
    for (const part of ['agrees in 90.0 %', 'and more', 'go', 'no', 'hall', '90.0 %', 'd-1', '80.0 %'])
      expect(text).toContain(part);
  });

  it('should show what B does against A', () => {
    const effect = {
      metric: 'accuracy',
      unit: 'points' as const,
      effect: 4.2,
      low: 1.5,
      high: 6.9,
      margin: 2,
    };
    const text = renderReport({
      ...{ ...base, kind: 'ab', shadow: null },
      ab: {
        ...{
          outcome: 'b-better',
          release: 'kws@1.1.0',
          against: null,
          percent: 50,
          judgedAt: '2026-01-01T00:00:00.000Z',
        },
        effects: [{ ...effect, devicesB: 40, devicesA: 41 }],
      },
    });
    for (const part of ['what devices run', 'accuracy', '4.2', '1.5', '6.9', '40', '41'])
      expect(text).toContain(part);
  });
});
