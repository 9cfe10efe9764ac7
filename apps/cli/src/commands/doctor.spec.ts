/** The clock check of doctor, by the dates that a server could answer, its version, and where it looks for the broker. */
import { describe, expect, it } from '@jest/globals';
import { brokerUrl, clock, version } from './doctor.js';

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

describe('version', () => {
  it('should be that of the command line', () => {
    expect(version('0.2.0', '0.2.0')).toMatchObject({ ok: true, found: '0.2.0, as here' });
    expect(version('0.3.0', '0.2.0')).toMatchObject({
      ok: false,
      found: 'the server is 0.3.0, the command line 0.2.0',
    });
    // Before servers named theirs.
    expect(version(undefined, '0.2.0').ok).toBe(false);
  });
});

describe('brokerUrl', () => {
  const of = (endpoint?: { mqttPort: number | null; mqttsPort: number | null }, named?: string) =>
    brokerUrl('https://fleet.example:8443', endpoint, named)?.href;

  it('should look at the plain port, at that of TLS where there is no other, and nowhere by guess', () => {
    expect(of({ mqttPort: 1884, mqttsPort: 8884 })).toBe('mqtt://fleet.example:1884');
    expect(of({ mqttPort: null, mqttsPort: 8884 })).toBe('mqtts://fleet.example:8884');
    expect(of({ mqttPort: null, mqttsPort: null })).toBeUndefined();
    expect(of(undefined)).toBeUndefined();
  });

  it('should believe the port that was named before the server, also without one', () => {
    expect(of({ mqttPort: 1884, mqttsPort: null }, '1999')).toBe('mqtt://fleet.example:1999');
    expect(of(undefined, '1999')).toBe('mqtt://fleet.example:1999');
    expect(of({ mqttPort: 1884, mqttsPort: null }, '')).toBe('mqtt://fleet.example:1884');
  });

  it('should keep the brackets of IPv6', () => {
    const endpoint = { mqttPort: 1883, mqttsPort: null };
    expect(brokerUrl('http://[::1]:8080', endpoint, undefined)?.href).toBe('mqtt://[::1]:1883');
  });
});
