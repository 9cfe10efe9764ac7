import { describe, expect, it } from '@jest/globals';
import { digitOf, labelKey } from './label-keys.js';

describe('keys of the label queue', () => {
  it('should choose a class by its digit, and no class that there is not', () => {
    expect(labelKey('1', 4)).toEqual({ does: 'label', index: 0 });
    expect(labelKey('4', 4)).toEqual({ does: 'label', index: 3 });
    expect(labelKey('5', 4)).toBeUndefined();
    expect(labelKey('0', 10)).toEqual({ does: 'label', index: 9 });
    expect(labelKey('0', 9)).toBeUndefined();
  });

  it('should skip, undo and help, and leave every other key alone', () => {
    expect(['s', 'u', '?'].map((key) => labelKey(key, 2)?.does)).toEqual(['skip', 'undo', 'help']);
    for (const key of ['S', 'Enter', ' ', 'a', 'F1', '12']) expect(labelKey(key, 12)).toBeUndefined();
  });

  it('should write on each button the key that presses it', () => {
    for (let index = 0; index < 10; index++)
      expect(labelKey(digitOf(index)!, 12)).toEqual({ does: 'label', index });
    expect(digitOf(10)).toBeUndefined();
  });
});
