import { expect, it } from '@jest/globals';
import { RecentBatches } from './recent-batches.js';

it('should hold a batch until it is folded', () => {
  const recent = new RecentBatches();
  recent.keep('1', [Buffer.of(1)]);
  expect(recent.get('1')).toEqual([Buffer.of(1)]);
  recent.drop(['1']);
  expect(recent.get('1')).toBeUndefined();
});

it('should not hold a batch that was folded before it was told of it', () => {
  const recent = new RecentBatches();
  recent.drop(['1']);
  recent.keep('1', [Buffer.of(1)]);
  expect(recent.get('1')).toBeUndefined();
});
