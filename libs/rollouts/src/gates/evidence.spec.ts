import { describe, expect, it } from '@jest/globals';
import { contactOf, soakedMs } from './evidence.js';

describe('soakedMs', () => {
  it('should stop the clock during our own outages, each moment once', () => {
    expect(soakedMs(100, 1_000, [])).toBe(900);
    expect(soakedMs(100, 1_000, [{ fromMs: 0, toMs: 200 }])).toBe(800);
    const overlapping = [
      { fromMs: 300, toMs: 500 },
      { fromMs: 250, toMs: 400 },
      { fromMs: 320, toMs: 330 },
      { fromMs: 900, toMs: 2_000 },
    ];
    expect(soakedMs(100, 1_000, overlapping)).toBe(900 - 250 - 100);
    expect(soakedMs(1_000, 500, [])).toBe(0);
  });
});

describe('contactOf', () => {
  const device = { sinceMs: 100, lastContactMs: 50, nextContactByMs: 500, isConnected: false };

  it('should call a device pending until it is due, and silent after', () => {
    expect(contactOf({ ...device, nowMs: 400 })).toBe('pending');
    expect(contactOf({ ...device, nowMs: 500 })).toBe('pending');
    expect(contactOf({ ...device, nowMs: 501 })).toBe('silent');
  });

  it('should call a device heard that spoke since, until it is due again', () => {
    expect(contactOf({ ...device, lastContactMs: 101, nowMs: 400 })).toBe('heard');
    expect(contactOf({ ...device, lastContactMs: 101, nowMs: 501 })).toBe('silent');
    expect(contactOf({ ...device, isConnected: true, nowMs: 501 })).toBe('heard');
  });
});
