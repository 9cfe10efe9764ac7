// Names and literals of the emitted C.
import { describe, expect, it } from '@jest/globals';
import { identifier } from './identifier.js';
import { comment, floatLiteral, initializers, stringLiteral } from './text.js';

describe('identifier', () => {
  it.each([
    ['kws', 'kws'],
    ['Vibration Model-V2', 'vibration_model_v2'],
    ['micro_speech_quantized', 'micro_speech_quantized'],
    ['MobileNetV1 0.25', 'mobile_net_v1_0_25'],
    ['1d-cnn', 'model_1d_cnn'],
    ['grüße', 'gru_e'],
    ['', 'model'],
    ['---', 'model'],
    ['size', 'model_size'],
    ['uint8', 'model_uint8'],
    ['Math', 'model_math'],
    ['fleet', 'model_fleet'],
    ['x'.repeat(60), 'x'.repeat(40)],
  ])('should make of %j the stem %s', (name, stem) => {
    expect(identifier(name)).toBe(stem);
  });
});

describe('text of C', () => {
  it('should write strings that mean the same bytes', () => {
    expect(stringLiteral('yes "no" \\ ü1\n??/')).toBe('"yes \\"no\\" \\\\ \\303\\2741\\012\\077\\077/"');
  });

  it('should keep comments on their line', () => {
    expect(comment('a\nb\\')).toBe('a?b?');
  });

  it('should write bytes in rows', () => {
    expect(initializers(Uint8Array.of(1, 2, 255), 2)).toBe('    1, 2,\n    255,');
  });

  it.each([0.1, 1 / 256, 3.4028234663852886e38, 1e-45, 1, 12_345_678])(
    'should write %d as the same binary32',
    (value) => {
      const text = floatLiteral(value);
      expect(text).toMatch(/^[\d.e+-]+f$/);
      expect(text).toMatch(/[.e]/);
      expect(Math.fround(Number(text.slice(0, -1)))).toBe(Math.fround(value));
    },
  );
});
