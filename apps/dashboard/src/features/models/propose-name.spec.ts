/** Proposed names are always valid or empty. */
import { describe, expect, it } from '@jest/globals';
import { NAME_PATTERN } from '@tinyfleet/contracts';
import fc from 'fast-check';
import { proposeName } from './propose-name.js';

describe('proposeName', () => {
  it('should make a readable name', () => {
    expect(proposeName('My Model (int8).tflite')).toBe('my-model-int8');
    expect(proposeName('kws_ref_model.tflite')).toBe('kws_ref_model');
  });

  it('should always be a valid name or empty', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = proposeName(text);
        expect(name === '' || NAME_PATTERN.test(name)).toBe(true);
      }),
    );
  });
});
