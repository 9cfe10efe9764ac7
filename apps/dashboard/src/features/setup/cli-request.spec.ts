/** The address that `tinyfleet login --oidc` opens. */
import { describe, expect, it } from '@jest/globals';
import { cliCallback, parseCliRequest } from './cli-request.js';

const challenge = 'c'.repeat(43);
const good = { challenge, machine: 'laptop', days: '90', port: '4711', state: 's-1' };
const parse = (given: Record<string, string>) => parseCliRequest(new URLSearchParams(given).toString());

describe('parseCliRequest', () => {
  it('should read what the command line asks for, and lead back to this machine only', () => {
    const request = parse(good)!;
    expect(request).toEqual({ challenge, machine: 'laptop', expiresInDays: 90, port: 4711, state: 's-1' });
    expect(cliCallback(request, { code: 'a&b' })).toBe('http://127.0.0.1:4711/callback?code=a%26b&state=s-1');
    expect(cliCallback(request, { error: 'refused' })).toBe(
      'http://127.0.0.1:4711/callback?error=refused&state=s-1',
    );
  });

  it('should have no way back when the code is to be copied', () => {
    const request = parse({ challenge, machine: 'laptop', days: '90' })!;
    expect(cliCallback(request, { code: 'code' })).toBeUndefined();
  });

  it.each([
    { challenge: 'short' },
    { machine: '<b>' },
    { days: '0' },
    { port: '0' },
    { port: '65536' },
    { port: '80@evil.example' },
    { state: 'a b' },
  ])('should refuse an address that was changed: %j', (change) => {
    expect(parse({ ...good, ...change })).toBeUndefined();
  });
});
