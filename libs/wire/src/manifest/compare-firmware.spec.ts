import { describe, expect, it } from '@jest/globals';
import { compareFirmware } from './compare-firmware.js';

describe('compareFirmware', () => {
  it.each([
    ['1.2.3', '1.2.3', 0],
    ['1.10.0', '1.9.9', 1],
    ['1.2', '1.2.0', 0],
    ['1.2.3-rc.1', '1.2.3', 0],
    ['2.0.0', '1.99.99', 1],
    ['v1.0.0', '0.0.1', -1],
    ['1.4.0', '1.4.1', -1],
  ])('should order %s and %s as the device does', (a, b, sign) => {
    expect(Math.sign(compareFirmware(a, b))).toBe(sign);
  });
});
