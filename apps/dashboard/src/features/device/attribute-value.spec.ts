import { describe, expect, it } from '@jest/globals';
import { attributeValue } from './attribute-value';

describe('the value of an attribute as typed', () => {
  it('should be a number or a truth value when it reads as one, else text', () => {
    expect(['12', '-1.5e3', 'true', 'false', 'Hall 3', '12 V', ''].map(attributeValue)).toEqual([
      12,
      -1500,
      true,
      false,
      'Hall 3',
      '12 V',
      '',
    ]);
  });

  it('should be text when it is quoted', () => {
    expect(attributeValue('"12"')).toBe('12');
    expect(attributeValue('"true"')).toBe('true');
  });
});
