import { describe, expect, it } from '@jest/globals';
import { isZone, openUntil, type MaintenanceWindow } from './windows.js';

const every: MaintenanceWindow['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const night: MaintenanceWindow = { days: every, from: '22:00', to: '04:00' };
const at = (time: string): Date => new Date(time);

describe('openUntil', () => {
  it('should be always open without windows', () => {
    expect(openUntil([], 'UTC', at('2026-05-04T12:00:00Z'))).toBe('always');
  });

  it('should go by the wall clock of the device', () => {
    const noon = at('2026-05-04T12:30:00Z');
    expect(openUntil([night], 'UTC', noon)).toBe('closed');
    expect(openUntil([night], 'Asia/Tokyo', at('2026-05-04T13:00:00Z'))).toEqual(at('2026-05-04T19:00:00Z'));
    expect(openUntil([night], 'Pacific/Auckland', noon)).toEqual(at('2026-05-04T16:00:00Z'));
  });

  it('should open at its first minute and close at its last', () => {
    expect(openUntil([night], 'UTC', at('2026-05-04T21:59:59Z'))).toBe('closed');
    expect(openUntil([night], 'UTC', at('2026-05-04T22:00:00Z'))).toEqual(at('2026-05-05T04:00:00Z'));
    expect(openUntil([night], 'UTC', at('2026-05-05T03:59:59Z'))).toEqual(at('2026-05-05T04:00:00Z'));
    expect(openUntil([night], 'UTC', at('2026-05-05T04:00:00Z'))).toBe('closed');
  });

  it('should belong to the day on which it opens, also over the end of a week', () => {
    const sunday: MaintenanceWindow = { ...night, days: ['sun'] };
    expect(openUntil([sunday], 'UTC', at('2026-05-04T03:00:00Z'))).toEqual(at('2026-05-04T04:00:00Z'));
    expect(openUntil([sunday], 'UTC', at('2026-05-05T03:00:00Z'))).toBe('closed');
  });

  it('should be open all day from a time to the same time', () => {
    const all: MaintenanceWindow = { days: every, from: '08:00', to: '08:00' };
    expect(openUntil([all], 'UTC', at('2026-05-04T07:59:00Z'))).toEqual(at('2026-05-04T08:00:00Z'));
  });

  it('should close by the wall when summer time begins or ends in between', () => {
    expect(openUntil([night], 'Europe/Berlin', at('2026-03-28T21:30:00Z'))).toEqual(
      at('2026-03-29T02:00:00Z'),
    );
    expect(openUntil([night], 'Europe/Berlin', at('2026-10-24T20:30:00Z'))).toEqual(
      at('2026-10-25T03:00:00Z'),
    );
  });
});

describe('isZone', () => {
  it('should know zones from texts that anybody may have noted', () => {
    expect([isZone('Europe/Berlin'), isZone('UTC'), isZone("x'; drop"), isZone('')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
