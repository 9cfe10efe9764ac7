/** The clock check of doctor, by the dates that a server could answer. */
import { describe, expect, it } from '@jest/globals';
import { clock } from './doctor.js';

const at = Date.parse('2026-03-01T12:00:00Z');
const http = (ms: number) => new Date(ms).toUTCString();

describe('clock', () => {
  it('should take the second that the header cuts off, and a slow answer, for no error', () => {
    expect(clock(http(at), at + 900, at + 950)).toMatchObject({ ok: true, found: 'as here' });
    expect(clock(http(at + 3_000), at, at + 4_000)).toMatchObject({ ok: true, found: 'as here' });
  });

  it('should say how far and which way the server is off', () => {
    expect(clock(http(at + 60_000), at, at)).toMatchObject({
      ok: false,
      found: '60 s ahead of this machine',
    });
    expect(clock(http(at - 61_000), at, at)).toMatchObject({ ok: false, found: '60 s behind this machine' });
  });

  it('should allow five seconds and not six', () => {
    expect(clock(http(at + 5_000), at, at).ok).toBe(true);
    expect(clock(http(at + 6_000), at, at).ok).toBe(false);
  });

  it('should say so when there is no date to look at', () => {
    expect(clock(null, at, at)).toMatchObject({ ok: true, found: 'the answer has no date' });
  });
});
