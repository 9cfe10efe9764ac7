import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { Lanes, type LaneOptions } from './lanes.js';

interface Endpoint {
  readonly id: string;
}
const endpoints = (...ids: string[]): Endpoint[] => ids.map((id) => ({ id }));

let lanes: Lanes<Endpoint>;
let release: () => void;
const begin = (options: Partial<LaneOptions<Endpoint>>): void => {
  lanes = new Lanes({
    lead: async () => Promise.resolve(true),
    find: async () => Promise.resolve([]),
    serve: async () => Promise.resolve(false),
    pollMs: 5,
    onError: () => {},
    ...options,
  });
  lanes.start();
};
afterEach(async () => {
  release?.();
  await lanes.stop();
});

describe('lanes', () => {
  it('should serve others while one hangs, and each in one round at a time', async () => {
    const hanging = new Promise<void>((resolve) => (release = resolve));
    const served = new Map<string, number>();
    begin({
      find: async () => Promise.resolve(endpoints('dead', 'well')),
      serve: async ({ id }) => {
        served.set(id, (served.get(id) ?? 0) + 1);
        if (id === 'dead') await hanging;
        return false;
      },
    });
    await eventually(() => expect(served.get('well')).toBeGreaterThan(3));
    expect(served.get('dead')).toBe(1);
  });

  it('should serve no more at a time than it may, and those that had to wait when there is room', async () => {
    const order: string[] = [];
    let most = 0;
    let now = 0;
    const asked: { busy: number; room: number }[] = [];
    const waiting = ['a', 'b', 'c', 'd', 'e'];
    begin({
      most: 2,
      // Never by the clock: who has to wait is served when a lane is free.
      pollMs: 3_600_000,
      find: async (busy, room) => {
        asked.push({ busy: busy.length, room });
        return Promise.resolve(endpoints(...waiting.filter((id) => !busy.includes(id)).slice(0, room)));
      },
      serve: async ({ id }) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        waiting.splice(waiting.indexOf(id), 1);
        order.push(id);
        now--;
        return false;
      },
    });
    await eventually(() => expect(order).toHaveLength(5));
    expect([...order].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(most).toBe(2);
    expect(asked.every(({ busy, room }) => busy + room === 2)).toBe(true);
  });

  it('should go on after a round, or a look, that failed, and say so', async () => {
    const errors: string[] = [];
    let looks = 0;
    let rounds = 0;
    begin({
      find: async () => {
        if (looks++ === 0) throw new Error('look');
        return Promise.resolve(endpoints('one'));
      },
      serve: async () => {
        if (rounds++ === 0) throw new Error('round');
        return Promise.resolve(false);
      },
      onError: (error) => errors.push((error as Error).message),
    });
    await eventually(() => expect(rounds).toBeGreaterThan(1));
    expect(errors).toEqual(['look', 'round']);
  });

  it('should serve nothing that it does not lead, and wait for its rounds when it stops', async () => {
    let leads = false;
    let [begun, ended] = [0, 0];
    begin({
      lead: async () => Promise.resolve(leads),
      find: async () => Promise.resolve(endpoints('one')),
      serve: async () => {
        begun++;
        await new Promise((resolve) => setImmediate(resolve));
        ended++;
        return true;
      },
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(0);
    leads = true;
    await eventually(() => expect(begun).toBeGreaterThan(0));
    await lanes.stop();
    expect(ended).toBe(begun);
  });
});
