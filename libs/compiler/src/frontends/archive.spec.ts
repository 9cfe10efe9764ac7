// ZIP archives: what is unpacked is counted first.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { zipSync } from 'fflate';
import { archivePaths, unzip } from './archive.js';
import { DEFAULT_MODEL_LIMITS, type ModelLimits } from './limits.js';

const all = (): boolean => true;

function outcome(file: Uint8Array, limits: Partial<ModelLimits> = {}): string {
  try {
    unzip(file, all, { ...DEFAULT_MODEL_LIMITS, ...limits });
    return 'ok';
  } catch (error) {
    if (isFleetError(error)) return error.code;
    throw error;
  }
}

describe('unzip', () => {
  const zeros = new Uint8Array(100_000);
  const file = zipSync({ 'a/b.bin': zeros, 'c.json': new TextEncoder().encode('{}') });

  it('should unpack what is wanted', () => {
    expect([...unzip(file, (path) => path === 'c.json', DEFAULT_MODEL_LIMITS).keys()]).toEqual(['c.json']);
    expect(archivePaths(file, DEFAULT_MODEL_LIMITS)).toEqual(['a/b.bin', 'c.json']);
    expect(archivePaths(new Uint8Array(40), DEFAULT_MODEL_LIMITS)).toEqual([]);
  });

  it.each<[keyof ModelLimits, number]>([
    ['fileBytes', file.length],
    ['expandedBytes', 100_002],
    ['archiveEntries', 2],
  ])('should hold %s at %d, and not one less', (name, limit) => {
    expect(outcome(file, { [name]: limit })).toBe('ok');
    expect(outcome(file, { [name]: limit - 1 })).toBe('compiler.limit-exceeded');
  });

  it('should refuse an archive that unpacks to more than it says', () => {
    const lying = file.slice();
    const view = new DataView(lying.buffer);
    for (let at = 0; at + 4 <= lying.length; at++) {
      // Local and central headers: uncompressed size at 22 and 24.
      const signature = view.getUint32(at, true);
      if (signature === 0x04034b50) view.setUint32(at + 22, 10, true);
      if (signature === 0x02014b50) view.setUint32(at + 24, 10, true);
    }
    const started = performance.now();
    const unpacked = outcome(lying, { expandedBytes: 1000 });
    expect(unpacked).not.toBe('compiler.limit-exceeded');
    if (unpacked === 'ok') {
      for (const bytes of unzip(lying, all, DEFAULT_MODEL_LIMITS).values())
        expect(bytes.length).toBeLessThan(1000);
    }
    expect(performance.now() - started).toBeLessThan(200);
  });

  it('should refuse truncations', () => {
    for (let length = 0; length < file.length; length += 7)
      expect(outcome(file.subarray(0, length))).toBe('compiler.model-damaged');
  });
});
