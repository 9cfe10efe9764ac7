/** Names and bits of op sets. */
import { describe, expect, it } from '@jest/globals';
import { FIRMWARE_OPS, REDUCED_FIRMWARE_OPS, isOpName, missingOps, opBits } from './op-set.js';

describe('op sets', () => {
  it('should have the bits of the golden manifests', () => {
    // FULLY_CONNECTED 9, SOFTMAX 25.
    expect(opBits(Object.keys(REDUCED_FIRMWARE_OPS))).toEqual({ opSet: '00020002', ownOpSet: '' });
    expect(opBits([])).toEqual({ opSet: '', ownOpSet: '' });
  });

  it('should name what is missing', () => {
    const needed = opBits(['ADD', 'SOFTMAX', 'FULLY_CONNECTED']);
    expect(missingOps(needed, opBits(Object.keys(REDUCED_FIRMWARE_OPS)))).toEqual(['ADD']);
    expect(missingOps(needed, opBits(Object.keys(FIRMWARE_OPS)))).toEqual([]);
    expect(missingOps({ opSet: '', ownOpSet: '0000000000000080' }, opBits(['ADD']))).toEqual(['op 1087']);
  });

  it('should know own ops, and no others by name', () => {
    const own = Object.keys(FIRMWARE_OPS).filter((name) => opBits([name]).opSet === '');
    expect(own.length).toBeGreaterThan(0);
    for (const name of own) expect(missingOps(opBits([name]), opBits([]))).toEqual([name]);
    expect(['toString', 'NOTHING'].map(isOpName)).toEqual([false, false]);
  });
});
