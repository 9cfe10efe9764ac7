/** A bulk action changes what was filled in, and says all of it before it does. */
import { describe, expect, it } from '@jest/globals';
import { BulkChange } from '@tinyfleet/contracts';
import { changeOf, describeChange, NO_CHANGE } from './change-draft.js';

describe('changeOf', () => {
  it('should be nothing when nothing was filled in', () => {
    expect(changeOf(NO_CHANGE)).toBeUndefined();
    expect(changeOf({ ...NO_CHANGE, site: '  ', value: 'lost without a key' })).toBeUndefined();
  });

  it('should be what the API takes, with a line of words for each part', () => {
    const change = changeOf({
      tag: ['eu'],
      untag: ['old'],
      site: ' hall-2 ',
      hardwareRevision: 'B',
      addToGroup: 'pilot',
      removeFromGroup: 'late',
      key: 'cost',
      value: '4',
      state: 'suspend',
    });
    expect(BulkChange.parse(change)).toEqual({
      tag: ['eu'],
      untag: ['old'],
      site: 'hall-2',
      hardwareRevision: 'B',
      addToGroup: 'pilot',
      removeFromGroup: 'late',
      desired: { cost: 4 },
      state: 'suspend',
    });
    expect(describeChange(change!)).toHaveLength(8);
  });

  it('should remove an attribute whose value is left empty', () => {
    const change = changeOf({ ...NO_CHANGE, key: 'owner' });
    expect(change).toEqual({ desired: { owner: null } });
    expect(describeChange(change!)).toEqual(['remove the desired owner']);
  });
});
