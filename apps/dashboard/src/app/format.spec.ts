/** Formatting that people read decisions from. */
import { describe, expect, it } from '@jest/globals';
import { formatBytes, formatCount, formatDuration, formatPercent, formatRelative } from './format.js';

describe('format', () => {
  it('should show sizes in binary units and small ones in bytes', () => {
    expect([0, 1_023, 1_024, 53_936, 1_048_576].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '52.7 KiB',
      '1.0 MiB',
    ]);
  });

  it('should show counts with their magnitude', () => {
    expect([7, 9_999, 12_345, 2_656_768].map(formatCount)).toEqual(['7', '9,999', '12.3 k', '2.66 M']);
  });

  it('should round durations to the unit a person would use', () => {
    expect([900, 59_000, 61_000, 7_200_000, 14 * 86_400_000].map(formatDuration)).toEqual([
      '1 s',
      '59 s',
      '1 min',
      '2 h',
      '14 d',
    ]);
  });

  it('should say ago and in', () => {
    const now = new Date('2026-01-01T00:00:00Z');
    expect(formatRelative(new Date(now.getTime() - 12_000), now)).toBe('12 s ago');
    expect(formatRelative(new Date(now.getTime() + 180_000), now)).toBe('in 3 min');
    expect(formatPercent(0.9731)).toBe('97.3 %');
  });
});
