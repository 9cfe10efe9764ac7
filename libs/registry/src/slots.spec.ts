/** Slots between two hellos. */
import { describe, expect, it } from '@jest/globals';
import { currentImages, currentSlots } from './slots.js';

const a = 'aa'.repeat(32);
const b = 'bb'.repeat(32);
const zeros = '00'.repeat(32);
const slot = (digest: string | null, state: string, bytes = 10, releaseSequence = 2) => ({
  digest,
  state,
  bytes,
  releaseSequence,
});
const bundle = () => ({ bytes: 99, releaseSequence: 4 });

describe('currentSlots', () => {
  it('should keep what the hello said while it still holds', () => {
    const slots = [slot(a, 'active'), slot(b, 'retained')];
    expect(currentSlots(slots, 1, a, bundle)).toEqual(slots);
    expect(currentSlots(slots, 1, null, bundle)).toEqual(slots);
  });

  it('should show an update in the slot it was fetched into and keep the old one as the way back', () => {
    expect(currentSlots([slot(a, 'active'), slot(zeros, 'empty', 0, 0)], 1, b, bundle)).toEqual([
      slot(a, 'retained'),
      slot(b, 'active', 99, 4),
    ]);
  });

  it('should show a switch back to the retained slot', () => {
    const shown = currentSlots([slot(a, 'retained'), slot(b, 'active')], 0, a, () => undefined);
    expect(shown.map(({ state }) => state)).toEqual(['active', 'retained']);
  });

  it('should show an empty slot without a digest', () => {
    expect(currentSlots([slot(zeros, 'empty', 0, 0)], 0, null, bundle)[0]?.digest).toBeNull();
  });
});

describe('currentImages', () => {
  it('should call the image that runs active when its trial is over, and the one before retained', () => {
    const images = [slot(a, 'trial'), slot(b, 'active')];
    expect(currentImages(images, 'trial')).toEqual(images);
    expect(currentImages(images, 'active')).toEqual([slot(a, 'active'), slot(b, 'retained')]);
    expect(currentImages([slot(a, 'active'), slot(b, 'corrupt')], 'failed')[1]?.state).toBe('corrupt');
    expect(currentImages([slot(a, 'active'), slot(zeros, 'empty')], null)).toHaveLength(1);
  });
});
