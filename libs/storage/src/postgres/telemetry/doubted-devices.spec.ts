import { describe, expect, it } from '@jest/globals';
import { DoubtedDevices } from './doubted-devices.js';

const device = (i: number): string => `01900000-0000-7000-8400-${i.toString(16).padStart(12, '0')}`;
const stored = (i: number): object => ({
  code: '23505',
  detail: `Key (project_id, device_id, boot_id, seq, window_start)=(01900000-0000-7000-8100-000000000001, ${device(i)}, 1, 2, 2026-01-05 10:00:00+00) already exists.`,
});

describe('devices whose new windows were there already', () => {
  it('should be known for ten minutes and no longer', () => {
    const doubted = new DoubtedDevices();
    doubted.note(stored(1), 1_000);
    expect(doubted.has(device(1), 600_999)).toBe(true);
    expect(doubted.has(device(2), 1_000)).toBe(false);
    expect(doubted.has(device(1), 601_000)).toBe(false);
    doubted.note(stored(1), 700_000);
    doubted.note(stored(1), 800_000);
    expect(doubted.has(device(1), 1_300_001)).toBe(true);
  });

  it('should be so many at most, the latest', () => {
    const doubted = new DoubtedDevices();
    for (let i = 0; i < 10_000; i++) doubted.note(stored(i), i);
    expect(doubted.has(device(0), 10_000)).toBe(true);
    doubted.note(stored(10_000), 10_000);
    expect([0, 1, 10_000].map((i) => doubted.has(device(i), 10_000))).toEqual([false, true, true]);
  });

  it('should be nobody where the database does not say who', () => {
    const doubted = new DoubtedDevices();
    for (const error of [{}, { detail: '' }, { detail: 7 }, { detail: device(1) }]) doubted.note(error, 0);
    expect(doubted.has(device(1), 0)).toBe(false);
  });
});
