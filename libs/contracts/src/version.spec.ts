import { describe, expect, it } from '@jest/globals';
import { nextMinor, versionOrder } from './version.js';

describe('versions', () => {
  it('should make 1.1.0 the first import and raise the minor afterwards', () => {
    expect(nextMinor(undefined)).toBe('1.1.0');
    expect(nextMinor('1.1.0')).toBe('1.2.0');
    expect(nextMinor('2.9.7-rc.1')).toBe('2.10.0');
  });

  it('should order as semver 2.0.0 clause 11 says', () => {
    const ascending = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
    ];
    const keys = ascending.map(versionOrder);
    expect([...keys].sort()).toEqual(keys);
  });
});
