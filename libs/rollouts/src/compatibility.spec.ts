import { describe, expect, it } from '@jest/globals';
import { obstacleTo, parseAbi, type BundleNeeds, type DeviceAbilities } from './compatibility.js';

const device: DeviceAbilities = {
  abi: 0x1_0002,
  slotBytes: 1_000,
  arenaBytes: 500,
  stateBytes: 64,
  floor: 4,
};
const bundle: BundleNeeds = { abi: 0x1_0002, bytes: 1_000, arenaBytes: 500, stateBytes: 64, sequence: 4 };

describe('obstacleTo', () => {
  it('should let pass what fits exactly', () => {
    expect(obstacleTo(bundle, device)).toBeUndefined();
  });

  it.each<[string, Partial<BundleNeeds>, number]>([
    ['a newer minor ABI', { abi: 0x1_0003 }, 215],
    ['another major ABI', { abi: 0x2_0000 }, 215],
    ['a bundle one byte larger than the slot', { bytes: 1_001 }, 220],
    ['an arena one byte too large', { arenaBytes: 501 }, 217],
    ['a state one byte too large', { stateBytes: 65 }, 218],
    ['a sequence below the floor', { sequence: 3 }, 213],
  ])('should refuse %s with the number a device would report', (_what, change, number) => {
    const obstacle = obstacleTo({ ...bundle, ...change }, device);
    expect(obstacle?.errorNumber).toBe(number);
    expect(obstacle?.reason).toMatch(/\d/);
  });

  it('should not judge a device that never said hello', () => {
    expect(obstacleTo({ ...bundle, bytes: 10_000 }, undefined)).toBeUndefined();
  });

  it('should read an ABI', () => {
    expect([parseAbi('1.2'), parseAbi('1'), parseAbi('1.2.3')]).toEqual([0x1_0002, undefined, undefined]);
  });
});
