/** Known browsers by name, others by what they say. */
import { describe, expect, it } from '@jest/globals';
import { browserName } from './browser-name.js';

describe('browserName', () => {
  it.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:141.0) Gecko/20100101 Firefox/141.0',
      'Firefox on macOS',
    ],
    ['curl/8.5.0', 'curl/8.5.0'],
  ])('should read %s', (userAgent, name) => {
    expect(browserName(userAgent)).toBe(name);
  });

  it('should not print what has no end', () => {
    expect(browserName('x'.repeat(5_000))).toHaveLength(40);
    expect(browserName(null)).toBe('unknown');
  });
});
