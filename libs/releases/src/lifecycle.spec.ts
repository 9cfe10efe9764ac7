/** States of releases: each transition from where it is allowed and from where it is not; what keeps a build from approval. */
import { describe, expect, it } from '@jest/globals';
import {
  isOfferable,
  nextState,
  personOf,
  shortcomings,
  type ReleaseState,
  type ReleaseVerb,
} from './lifecycle.js';

const states: ReleaseState[] = ['draft', 'validated', 'approved', 'deprecated', 'revoked'];

describe('the life of a release', () => {
  it.each<[ReleaseVerb, Partial<Record<ReleaseState, ReleaseState>>]>([
    ['validate', { draft: 'validated' }],
    ['approve', { validated: 'approved', deprecated: 'approved' }],
    ['deprecate', { approved: 'deprecated' }],
    ['revoke', { draft: 'revoked', validated: 'revoked', approved: 'revoked', deprecated: 'revoked' }],
  ])('should %s from these states and no other', (verb, table) => {
    for (const state of states) {
      const to = table[state];
      if (to) expect(nextState('kws@1.0.0', state, verb)).toBe(to);
      else expect(() => nextState('kws@1.0.0', state, verb)).toThrow(`is ${state}; to ${verb} it`);
    }
  });

  it('should offer what is approved or deprecated', () => {
    expect(states.filter(isOfferable)).toEqual(['approved', 'deprecated']);
  });

  it('should see one person in a session and a token', () => {
    // The name of a token is its owner's choice: it must not make another person of him.
    expect(personOf('token:a@example.org/ci/1')).toBe('a@example.org');
    expect(personOf('token:a@example.org/b@example.org/ci')).toBe('a@example.org');
    expect(personOf('token:a@example.org/ci')).toBe(personOf('person:a@example.org'));
  });
});

describe('validation', () => {
  const good = {
    goldenVectors: 4,
    fits: { slot: true, arena: true },
    validation: { accuracy: 0.9 },
    quantization: { float: { accuracy: 0.95 } },
  };
  const of = (changes: object, maxAccuracyDrop = 0.05) =>
    shortcomings([{ type: 'wasm', report: { ...good, ...changes } }], { maxAccuracyDrop });

  it('should allow a drop of accuracy up to the limit', () => {
    expect(of({})).toEqual([]);
    expect(of({ validation: { accuracy: 0.899 } })).toEqual([
      'wasm: quantization costs 5.1 points of accuracy',
    ]);
    expect(of({ validation: { accuracy: 0.899 } }, 0.1)).toEqual([]);
  });

  it('should not judge what was not measured', () => {
    expect(of({ validation: null })).toEqual([]);
    expect(of({ quantization: null })).toEqual([]);
  });

  it('should name all that is wrong, with the type', () => {
    expect(of({ goldenVectors: 0, fits: { slot: false, arena: false } })).toHaveLength(3);
    expect(of({ goldenVectors: undefined })[0]).toMatch(/^wasm: no golden vectors/);
  });
});
