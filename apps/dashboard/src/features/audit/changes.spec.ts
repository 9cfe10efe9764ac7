import { describe, expect, it } from '@jest/globals';
import { changes } from './changes';

describe('what an audit entry changed', () => {
  it('should be the values that differ, each with before and after', () => {
    expect(changes({ site: 'hall 1', tags: ['a'] }, { site: 'hall 2', tags: ['a'] })).toEqual({
      site: { before: 'hall 1', after: 'hall 2' },
    });
  });

  it('should be all of something made or removed', () => {
    expect(changes(null, { role: 'viewer' })).toEqual({ role: { before: null, after: 'viewer' } });
    expect(changes({ role: 'viewer' }, null)).toEqual({ role: { before: 'viewer', after: null } });
  });
});
