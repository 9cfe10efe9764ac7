// Masks that TFLM's kernel does not have, by TensorFlow's definition; the others are held by oracle vectors.
import { describe, expect, it } from '@jest/globals';
import { NO_MASKS, resolveSlice } from './slice.js';

const INPUT = [4, 3, 5, 2];

describe('resolveSlice', () => {
  it('should let an ellipsis stand for the dimensions nobody names: x[1:3, ..., -1]', () => {
    const given = { begin: [1, 0, -1], end: [3, 0, 0], strides: [1, 1, 1] };
    expect(resolveSlice(INPUT, given, { ...NO_MASKS, ellipsisMask: 2, shrinkAxisMask: 4 })).toEqual({
      begin: [1, 0, 0, 1],
      size: [2, 3, 5, 1],
      strides: [1, 1, 1, 1],
      shape: [2, 3, 5],
    });
  });

  it('should add a new axis where it is named: x[:, newaxis, ::-2]', () => {
    const given = { begin: [0, 0, 0], end: [0, 0, 0], strides: [1, 1, -2] };
    const masks = { ...NO_MASKS, beginMask: 5, endMask: 5, newAxisMask: 2 };
    expect(resolveSlice(INPUT, given, masks)).toEqual({
      begin: [0, 2, 0, 0],
      size: [4, 2, 5, 2],
      strides: [1, -2, 1, 1],
      shape: [4, 1, 2, 5, 2],
    });
  });

  it.each([
    ['names more dimensions than there are', { begin: [0, 0], end: [1, 1], strides: [1, 1] }],
    ['leaves nothing', { begin: [3], end: [3], strides: [1] }],
    ['runs the wrong way', { begin: [1], end: [2], strides: [-1] }],
  ])('should refuse a slice that %s', (_, given) => {
    expect(resolveSlice([4], given, NO_MASKS)).toBeNull();
  });
});
