import { describe, expect, it } from '@jest/globals';
import { AlertKind } from '@tinyfleet/contracts';
import { ruleOf, shiftText, stateColor, subjectOf, verdictWords } from './alert-words.js';

describe('words of alerts', () => {
  it('should say what moved and where to look, silence by itself', () => {
    expect(verdictWords({ kind: 'drift', verdict: 'sensor' }).lookAt).toContain('wiring');
    expect(verdictWords({ kind: 'drift', verdict: null }).title).toBe('Unclear');
    expect(verdictWords({ kind: 'silence', verdict: null }).title).toBe('Silent');
  });

  it('should have words of its own for each kind, of drift alone what moved', () => {
    const words = AlertKind.options.map((kind) => verdictWords({ kind, verdict: null }));
    expect(words.map(({ title }) => title)).toEqual(['Unclear', 'Silent', 'Revoked', 'Away']);
    for (const text of ['title', 'means', 'lookAt'] as const)
      expect(new Set(words.map((one) => one[text])).size).toBe(AlertKind.options.length);
    expect(words.filter(({ means }) => means.includes('moved'))).toHaveLength(1);
  });

  it('should name the rule that opened it: a formula of another would mislead', () => {
    const rules = (evidence: Parameters<typeof ruleOf>[0]['evidence']) =>
      AlertKind.options.map((kind) => ruleOf({ kind, evidence }));
    expect(rules({ falseDiscoveryRate: 0.01, roundSeconds: 600 })).toEqual([
      ...['cusum', 'missed rounds', 'revoked', 'away'],
    ]);
    expect(rules({ falseDiscoveryRate: null, roundSeconds: null })).toEqual([
      ...['comparison', 'late', 'revoked', 'away'],
    ]);
  });

  it('should give a shift its sign and its unit', () => {
    expect(shiftText({ stream: 'mean of feature 1', shift: 1.834 })).toBe('+1.83 sd');
    expect(shiftText({ stream: 'share of normal', shift: -0.12 })).toBe('−12.0 points');
  });

  it('should lead to the device or the site it is about', () => {
    expect(subjectOf('device=d-17')).toEqual({ device: 'd-17' });
    expect(subjectOf('site=hall-a')).toEqual({ filter: 'site = "hall-a"' });
    expect(subjectOf('batch=b2 version=kws@1.1.0')).toBeNull();
    expect(subjectOf('everyone')).toBeNull();
  });

  it('should not colour what is over as what is not', () => {
    expect(stateColor({ state: 'resolved', severity: 'critical' })).not.toBe(
      stateColor({ state: 'open', severity: 'critical' }),
    );
  });
});
