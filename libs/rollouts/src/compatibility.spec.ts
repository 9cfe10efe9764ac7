import { describe, expect, it } from '@jest/globals';
import { opBits } from '@tinyfleet/wire';
import { obstacleTo, parseAbi, type BundleNeeds, type DeviceAbilities } from './compatibility.js';

const device: DeviceAbilities = {
  abi: 0x1_0002,
  slotBytes: 1_000,
  arenaBytes: 500,
  stateBytes: 64,
  ops: opBits(['ADD', 'SOFTMAX']),
  floor: 4,
};
const bundle: BundleNeeds = {
  abi: 0x1_0002,
  bytes: 1_000,
  arenaBytes: 500,
  stateBytes: 64,
  ops: opBits(['ADD']),
  sequence: 4,
};

describe('obstacleTo', () => {
  it('should let pass what fits exactly', () => {
    expect(obstacleTo(bundle, device)).toBeUndefined();
  });

  it.each<[string, Partial<BundleNeeds>, number]>([
    ['an op that its firmware lacks', { ops: opBits(['ADD', 'CONV_2D', 'PAD']) }, 216],
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

  it('should read an ABI', () => {
    expect([parseAbi('1.2'), parseAbi('1'), parseAbi('1.2.3')]).toEqual([0x1_0002, undefined, undefined]);
  });
});
