// Descriptions of front ends as users get them wrong: refused in words, at the limit accepted and one above refused.
import { describe, expect, it } from '@jest/globals';
import { checkFrontEnd } from './check.js';

const statistics = { kind: 'statistics', frame: 50, features: ['mean'] };
const mfcc = {
  kind: 'mfcc',
  sampleRate: 16_000,
  windowMs: 32,
  hopMs: 16,
  lowerHz: 20,
  upperHz: 8000,
  bands: 40,
  coefficients: 13,
};

describe('checkFrontEnd', () => {
  it('should accept what is complete and within its ranges', () => {
    for (const good of [{ kind: 'micro-speech' }, mfcc, statistics, { kind: 'scale', mean: [0, 1, 2] }])
      expect(checkFrontEnd(good)).toBe(good);
  });

  it.each([
    [null, /no object/],
    ['micro-speech', /no object/],
    [{ kind: 'bogus' }, /kind is none of micro-speech, mfcc/],
    [{ kind: 'constructor' }, /kind is none of/],
    [{ ...mfcc, bands: undefined }, /bands is missing/],
    [{ ...mfcc, bands: '40' }, /bands is no integer in 1..256/],
    [{ ...mfcc, windowMs: Number.NaN }, /windowMs is no number/],
    [{ ...statistics, features: ['mean', 'mode'] }, /features has an entry 1 that is none of mean/],
    [{ ...statistics, features: ['mean', 'toString'] }, /features has an entry 1 that is none of mean/],
    [{ ...statistics, features: [] }, /features is no list of 1 to 10/],
    [{ ...statistics, std: 0 }, /std is no number in/],
    [{ ...statistics, window: 3 }, /a statistics front end has no window/],
  ])('should refuse %j', (description, reason) => {
    expect(() => checkFrontEnd(description)).toThrow(reason);
  });

  it('should take the largest window and nothing larger', () => {
    const window = (samples: number) => ({ ...mfcc, windowMs: samples / 16 });
    expect(() => checkFrontEnd(window(16_384))).not.toThrow();
    expect(() => checkFrontEnd(window(16_385))).toThrow(/16385 samples is above 16384/);
    expect(() => checkFrontEnd({ ...statistics, frame: 16_384 })).not.toThrow();
    expect(() => checkFrontEnd({ ...statistics, frame: 16_385 })).toThrow(/frame is no integer/);
  });
});
