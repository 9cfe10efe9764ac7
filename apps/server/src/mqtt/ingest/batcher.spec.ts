import { describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { Batcher } from './batcher.js';
import { ingestDefaults, type IngestOptions } from './options.js';

class Away extends Error {}

function batcher(commit: (values: readonly number[]) => Promise<void>, changes: Partial<IngestOptions> = {}) {
  return new Batcher<number>(commit, (error) => error instanceof Away, {
    ...ingestDefaults,
    batchMs: 5,
    retryMs: 5,
    ...changes,
  });
}
const add = (to: Batcher<number>, value: number, bytes = 1) =>
  new Promise<string>((resolve) => to.add(value, bytes, (error) => resolve(error?.message ?? 'committed')));

describe('Batcher', () => {
  it('should close a batch at its number of rows, or after its time', async () => {
    const sizes: number[] = [];
    const to = batcher(async (values) => void sizes.push(values.length), { batchRows: 3, writers: 1 });
    const answers = [1, 2, 3, 4].map((value) => add(to, value));
    expect(sizes).toEqual([3]);
    expect(await Promise.all(answers)).toEqual(['committed', 'committed', 'committed', 'committed']);
    expect(sizes).toEqual([3, 1]);
  });

  it('should gather for its time also after another has ended', async () => {
    const sizes: number[] = [];
    const ends: (() => void)[] = [];
    const to = batcher(
      (values) => {
        sizes.push(values.length);
        return new Promise((resolve) => ends.push(resolve));
      },
      { batchMs: 40, writers: 1 },
    );
    const answers = [add(to, 1)];
    await eventually(() => expect(sizes).toEqual([1]));
    answers.push(add(to, 2));
    ends.shift()!();
    await answers[0];
    // Its writer is free.
    await new Promise(setImmediate);
    answers.push(add(to, 3));
    await eventually(() => expect(sizes).toEqual([1, 2]));
    for (const end of ends) end();
    await Promise.all(answers);
  });

  it('should not wait for others when nobody came for a while', async () => {
    const sizes: number[] = [];
    const to = batcher(async (values) => void sizes.push(values.length), { batchMs: 60_000, idleBatchMs: 1 });
    expect(await Promise.all([add(to, 1), add(to, 2)])).toEqual(['committed', 'committed']);
    expect(sizes).toEqual([2]);
    // Right behind that one: it gathers.
    const third = add(to, 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sizes).toEqual([2]);
    await to.drain();
    await third;
  });

  it('should let a small batch grow while another is in commit', async () => {
    const sizes: number[] = [];
    const ends: (() => void)[] = [];
    const to = batcher(
      (values) => {
        sizes.push(values.length);
        return new Promise((resolve) => ends.push(resolve));
      },
      { smallBatchRows: 4, smallBatchMs: 60_000 },
    );
    const answers = [add(to, 1)];
    await eventually(() => expect(sizes).toEqual([1]));
    answers.push(add(to, 2), add(to, 3));
    // More than the time of a batch.
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sizes).toEqual([1]);
    ends.shift()!();
    await eventually(() => expect(sizes).toEqual([1, 2]));
    // As many as are not small go beside it, also when they come while it is waited for more.
    answers.push(add(to, 4));
    await new Promise((resolve) => setTimeout(resolve, 30));
    answers.push(...[5, 6, 7].map((value) => add(to, value)));
    await eventually(() => expect(sizes).toEqual([1, 2, 4]));
    for (const end of ends) end();
    await Promise.all(answers);
  });

  it('should let a small batch wait for its time at most', async () => {
    const ends: (() => void)[] = [];
    const to = batcher(() => new Promise((resolve) => ends.push(resolve)), { smallBatchMs: 10 });
    const answers = [add(to, 1)];
    await eventually(() => expect(ends).toHaveLength(1));
    answers.push(add(to, 2));
    await eventually(() => expect(ends).toHaveLength(2));
    for (const end of ends) end();
    await Promise.all(answers);
  });

  it('should settle nothing before its commit', async () => {
    let release = (): void => {};
    const to = batcher(() => new Promise((resolve) => (release = resolve)));
    let settled = false;
    const answer = add(to, 1).then(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(settled).toBe(false);
    release();
    await answer;
  });

  it('should try again while the database is away', async () => {
    let failures = 3;
    const to = batcher(async () => {
      if (failures-- > 0) throw new Away();
    });
    expect(await add(to, 1)).toBe('committed');
    expect(to.counters.retries).toBe(3);
  });

  it('should give a message back when the database stays away', async () => {
    const to = batcher(() => Promise.reject(new Away()), { parkMs: 40 });
    expect(await add(to, 1)).toMatch(/too long/);
    expect(to.counters.expired).toBe(1);
    await to.drain();
  });

  it('should isolate the one message that the database refuses', async () => {
    const stored: number[] = [];
    const to = batcher(async (values) => {
      if (values.includes(5)) throw new Error('violates a constraint');
      stored.push(...values);
    });
    const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => add(to, i)));
    expect(answers.map((answer, i) => (answer === 'committed' ? -1 : i)).filter((i) => i >= 0)).toEqual([5]);
    expect(stored.sort()).toEqual([0, 1, 2, 3, 4, 6, 7, 8]);
    expect(to.counters.poisoned).toBe(1);
  });

  it('should queue as many as the limit and refuse one more', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const to = batcher(() => held, { maxQueued: 4 });
    const answers = Array.from({ length: 5 }, (_, i) => add(to, i));
    expect(await answers[4]).toMatch(/too much/);
    release();
    expect(await Promise.all(answers.slice(0, 4))).toEqual(Array<string>(4).fill('committed'));
  });

  it('should hold as many bytes as the limit and refuse one more', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const to = batcher(() => held, { maxQueuedBytes: 100 });
    const answers = [add(to, 1, 60), add(to, 2, 40), add(to, 3, 1)];
    expect(await answers[2]).toMatch(/too much/);
    expect(to.queuedBytes).toBe(100);
    release();
    expect(await Promise.all(answers.slice(0, 2))).toEqual(['committed', 'committed']);
    expect(to.queuedBytes).toBe(0);
  });

  it('should give back what waits behind commits that say nothing, and go on with others when the database is back', async () => {
    let away = true;
    const never = new Promise<void>(() => {});
    const to = batcher(() => (away ? never : Promise.resolve()), { parkMs: 40, batchRows: 1, writers: 2 });
    const answers = await Promise.all([1, 2, 3, 4, 5].map((value) => add(to, value)));
    expect(answers.every((answer) => answer.includes('too long'))).toBe(true);
    expect(to.isAway).toBe(true);
    away = false;
    expect(await add(to, 6)).toBe('committed');
    expect(to.isAway).toBe(false);
  });

  it('should drain', async () => {
    const stored: number[] = [];
    const to = batcher(async (values) => void stored.push(...values), { batchMs: 60_000 });
    void add(to, 1);
    await to.drain();
    expect(stored).toEqual([1]);
  });
});
