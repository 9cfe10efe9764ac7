// The ring between a raw sensor and the firmware: pace, continuity and loss.
import { describe, expect, it } from '@jest/globals';
import type { RawSensor } from '@tinyfleet/sensors';
import { RawFeed } from './raw-feed.js';

/** Counts its own frames: axis 0 is the frame's number, axis 1 its negative. 1 kHz, blocks of 64 frames. */
const counter: RawSensor = {
  descriptor: { sensor: 1, axes: 2, unit: 0, fullScale: 0, sampleRateMilliHz: 1_000_000 },
  blockFrames: 64,
  readBlock(block, out) {
    for (let i = 0; i < 64; i++) {
      out[2 * i] = block * 64 + i;
      out[2 * i + 1] = -(block * 64 + i);
    }
    return `block ${block}`;
  },
};

function take(feed: RawFeed, ms: number, frames: number): number[] | null {
  const out = new Int16Array(2 * frames);
  if (!feed.take(ms, out)) return null;
  expect([...out].filter((_, i) => i % 2 === 1)).toEqual(
    [...out].filter((_, i) => i % 2 === 0).map((v) => 0 - v),
  );
  return [...out].filter((_, i) => i % 2 === 0);
}

describe('RawFeed', () => {
  it('should hand out consecutive frames over the edges of blocks, no earlier than they are made', () => {
    const feed = new RawFeed(counter);
    feed.restart(100);
    expect(take(feed, 100, 30)).toBeNull();
    expect(take(feed, 129.9, 30)).toBeNull();
    expect(take(feed, 130, 30)).toEqual(Array.from({ length: 30 }, (_, i) => 100 + i));
    expect(feed.truth).toBe('block 2');
    expect(take(feed, 130, 1)).toBeNull();
    expect(take(feed, 400, 200)).toEqual(Array.from({ length: 200 }, (_, i) => 130 + i));
    expect(feed.truth).toBe('block 5');
  });

  it('should lose what the ring of two seconds does not hold, and go on with the newest', () => {
    const feed = new RawFeed(counter);
    feed.restart(0);
    expect(take(feed, 2_000, 10)?.[0]).toBe(0);
    expect(take(feed, 2_011, 10)?.[0]).toBe(2_001);
    expect(take(feed, 2_011, 1)).toBeNull();
  });

  it('should serve frames longer than the ring', () => {
    const feed = new RawFeed(counter);
    feed.restart(0);
    expect(take(feed, 2_999, 3_000)).toBeNull();
    expect(take(feed, 3_000, 3_000)).toHaveLength(3_000);
  });
});
