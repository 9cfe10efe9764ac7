/** What may change of a device type in use. */
import { describe, expect, it } from '@jest/globals';
import { CATALOGUE, type DeviceTypeSpec } from './catalogue.js';
import { unsafeChanges } from './device-type-change.js';

const before = CATALOGUE.find(({ name }) => name === 'qemu-m4')!;
const { ADD: _, ...withoutAdd } = before.ops;

describe('unsafeChanges', () => {
  it.each<[string, Partial<DeviceTypeSpec>]>([
    ['another title and source', { title: 'Mine', source: 'me', sources: {} }],
    ['figures that nothing is built by', { clockHz: 1, flashBytes: 2 ** 23, features: [] }],
    ['more memory', { slotBytes: before.slotBytes + 1, arenaBytes: before.arenaBytes + 1 }],
    ['a later minor ABI', { abi: '1.1' }],
    ['more ops, newer versions', { ops: { ...before.ops, ADD: 2, NEW_ONE: 1 } }],
    ['a default that is said', { profile: 'full' }],
  ])('should let pass %s', (_name, change) => {
    expect(unsafeChanges(before, { ...before, ...change })).toEqual([]);
  });

  it.each<[string, Partial<DeviceTypeSpec>]>([
    ['lower slotBytes', { slotBytes: before.slotBytes - 1 }],
    ['lower arenaBytes', { arenaBytes: before.arenaBytes - 1 }],
    ['lower stateBytes', { stateBytes: before.stateBytes - 1 }],
    ['change core', { core: 'cortex-m3' }],
    ['change profile', { profile: 'reduced' }],
    ['change sectorBytes', { sectorBytes: 8_192 }],
    ['change programUnitBytes', { programUnitBytes: 8 }],
    ['go from ABI 1.0 to 2.0', { abi: '2.0' }],
    ['lose ADD', { ops: withoutAdd }],
  ])('should not %s', (words, change) => {
    expect(unsafeChanges(before, { ...before, ...change })).toEqual([words]);
  });
});
