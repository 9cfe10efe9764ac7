import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Closings } from './closings.js';

describe('Closings', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('should close as many connections in a second as the limit, with all their messages', () => {
    const closings = new Closings(200);
    const closed = new Map<object, number>();
    for (let i = 0; i < 500; i++) {
      const session = { closed: false };
      for (let k = 0; k < 3; k++)
        closings.add(session, new Error('away'), () => closed.set(session, (closed.get(session) ?? 0) + 1));
    }
    expect(closed.size).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(closed.size).toBe(200);
    jest.advanceTimersByTime(1_500);
    expect([...closed.values()]).toEqual(Array<number>(500).fill(3));
    expect(closings.size).toBe(0);
  });

  it('should spend nothing on connections that are gone', () => {
    const closings = new Closings(1);
    let done = 0;
    for (let i = 0; i < 50; i++) closings.add({ closed: i < 49 }, new Error('away'), () => done++);
    jest.advanceTimersByTime(50);
    expect(done).toBe(49);
    jest.advanceTimersByTime(1_000);
    expect(done).toBe(50);
  });
});
