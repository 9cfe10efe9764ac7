/** The order of roles. */
import { describe, expect, it } from '@jest/globals';
import { leastRole, roleAllows } from './roles.js';
import { API_TOKEN_PREFIX, hashSecret, newApiToken, shownPrefix } from './secrets.js';

describe('roles', () => {
  it('should allow what lesser roles may, and no more', () => {
    const order = ['viewer', 'operator', 'developer', 'admin'] as const;
    for (const [i, role] of order.entries()) {
      for (const [j, needed] of order.entries()) expect(roleAllows(role, needed)).toBe(i >= j);
    }
    expect(leastRole('admin', 'operator')).toBe('operator');
    expect(leastRole('viewer', 'operator')).toBe('viewer');
  });
});

describe('secrets', () => {
  it('should be 256 random bits behind a prefix that scanners know', () => {
    const token = newApiToken();
    expect(token).toMatch(new RegExp(`^${API_TOKEN_PREFIX}[\\w-]{43}$`));
    expect(newApiToken()).not.toBe(token);
    expect(token.startsWith(shownPrefix(token))).toBe(true);
    expect(shownPrefix(token)).toHaveLength(10);
    expect(hashSecret('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
