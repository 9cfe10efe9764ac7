import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SequenceTracker } from './sequence.js';

const boot = 1n << 32n;

describe('SequenceTracker', () => {
  it('should count numbers that were left out and close a gap that is filled', () => {
    const tracker = new SequenceTracker();
    expect([0, 1, 4].map((n) => tracker.observe(boot, n))).toEqual(['new', 'new', 'new']);
    expect(tracker.gaps).toBe(2);
    expect(tracker.observe(boot, 2)).toBe('late');
    expect(tracker.observe(boot, 2)).toBe('duplicate');
    expect(tracker.gaps).toBe(1);
  });

  it('should count what is lost before the first message that came', () => {
    const tracker = new SequenceTracker();
    tracker.observe(boot, 3);
    expect(tracker.gaps).toBe(3);
  });

  it('should start over with a new boot and ignore stored messages of an older one', () => {
    const tracker = new SequenceTracker({ bootId: boot, last: 9, gaps: 2 });
    expect(tracker.observe(2n * boot, 0)).toBe('new');
    expect(tracker.gaps).toBe(0);
    expect(tracker.observe(boot, 30)).toBe('stale');
    expect([tracker.last, tracker.gaps]).toEqual([0, 0]);
  });

  it('should continue from what was stored', () => {
    const tracker = new SequenceTracker({ bootId: boot, last: 9, gaps: 2 });
    expect(tracker.observe(boot, 10)).toBe('new');
    expect(tracker.observe(boot, 9)).toBe('duplicate');
    expect(tracker.gaps).toBe(2);
  });

  it('should count no gap when everything arrives, in any order within its memory', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer(), (n, seed) => {
        const order = Array.from({ length: n }, (_, i) => i).sort(
          (a, b) => ((a * 7919 + seed) % 61) - ((b * 7919 + seed) % 61),
        );
        const tracker = new SequenceTracker();
        for (const i of order) tracker.observe(boot, i);
        expect([tracker.last, tracker.gaps]).toEqual([n - 1, 0]);
      }),
    );
  });
});
