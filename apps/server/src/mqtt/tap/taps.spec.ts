/** Bounds of listening. */
import { describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import type { DeviceSession } from '../broker/session.js';
import { tapDefaults, type TapOptions } from './options.js';
import type { SeenBatch } from './seen.js';
import { Taps } from './taps.js';

const session = (projectId = 'p') =>
  ({ device: { projectId }, credential: { kind: 'token' } }) as unknown as DeviceSession;
const request = (id: string, device = 'a', seconds = 30) => {
  return { id, projectId: 'p', project: 'demo', device, reply: id, seconds };
};
const up = (bytes: number) =>
  ({ direction: 'up', leaf: 'state', payload: new Uint8Array(bytes), qos: 1 }) as const;

class Listened {
  readonly batches: SeenBatch[] = [];
  /** Until it is called nothing is taken. */
  release: (() => void) | undefined;
  readonly taps: Taps;

  constructor(options: Partial<TapOptions> = {}) {
    const send = async (_reply: string, batch: SeenBatch): Promise<void> => {
      this.batches.push(batch);
      if (this.release !== undefined) await new Promise<void>((resolve) => (this.release = resolve));
    };
    this.taps = new Taps(
      { send },
      () => true,
      { ...tapDefaults, flushMs: 1, ...options },
      () => {},
    );
  }
  tapped(device = 'a') {
    return this.taps.tapped.get(`demo/${device}`);
  }
  async numbers(next: number): Promise<number[]> {
    await eventually(() => expect(this.batches.at(-1)?.next).toBe(next));
    return this.batches.flatMap(({ items }) => items.map(({ n }) => n));
  }
}

describe('Taps', () => {
  it('should cost a look-up in an empty map when nobody listens', async () => {
    const { taps } = new Listened();
    expect(taps.tapped.size).toBe(0);
    taps.take(request('x'));
    expect(taps.tapped.size).toBe(1);
    taps.take(request('x', 'a', 0));
    expect(taps.tapped.size).toBe(0);
    await taps.stop();
  });

  it('should show as many messages at once as the burst and count the one above', async () => {
    const listened = new Listened({ messageBurst: 3, messagesPerSecond: 0.001 });
    listened.taps.take(request('x'));
    for (let i = 0; i < 4; i++) listened.tapped()?.message(session(), up(1));
    expect(await listened.numbers(4)).toEqual([0, 1, 2]);
    await listened.taps.stop();
  });

  it('should show as many bytes as the rate and leave the message out that has one more', async () => {
    const listened = new Listened({ bytesPerSecond: 164 });
    listened.taps.take(request('x'));
    listened.tapped()?.message(session(), up(101));
    listened.tapped()?.message(session(), up(100));
    expect(await listened.numbers(2)).toEqual([1]);
    await listened.taps.stop();
  });

  it('should hold as much as it may while what is before is being sent', async () => {
    const listened = new Listened({ maxQueuedBytes: 328 });
    listened.release = () => {};
    listened.taps.take(request('x'));
    await eventually(() => expect(listened.batches).toHaveLength(1));
    for (let i = 0; i < 3; i++) listened.tapped()?.message(session(), up(100));
    listened.release?.();
    listened.release = undefined;
    expect(await listened.numbers(3)).toEqual([0, 1]);
    await listened.taps.stop();
  });

  it('should serve as many listeners as it may, and the next when one has ended', async () => {
    const listened = new Listened({ maxListeners: 2 });
    for (const id of ['x', 'y', 'z']) listened.taps.take(request(id));
    await eventually(() => expect(listened.batches).toHaveLength(3));
    expect(listened.batches.find(({ id }) => id === 'z')?.full).toBe(2);
    listened.taps.take(request('x', 'a', 0));
    listened.taps.take(request('z'));
    expect(listened.taps.count).toBe(2);
    await listened.taps.stop();
    expect(listened.taps.count).toBe(0);
  });

  it('should serve as many of one project as it may, and those of others all the same', async () => {
    const listened = new Listened({ maxListenersOfProject: 2 });
    for (const id of ['x', 'y', 'z']) listened.taps.take(request(id));
    listened.taps.take({ ...request('w'), projectId: 'other' });
    await eventually(() => expect(listened.batches).toHaveLength(4));
    expect(listened.batches.flatMap(({ id, full }) => (full === undefined ? [] : [[id, full]]))).toEqual([
      ['z', 2],
    ]);
    expect(listened.taps.count).toBe(3);
    await listened.taps.stop();
  });

  it('should forget who does not ask again', async () => {
    const listened = new Listened({ maxSeconds: 0.02 });
    listened.taps.take(request('x'));
    await eventually(() => expect(listened.taps.tapped.size).toBe(0));
    await listened.taps.stop();
  });

  it('should tell nothing of another project that has the name now', async () => {
    const listened = new Listened();
    listened.taps.take(request('x'));
    listened.tapped()?.message(session('other'), up(1));
    listened.tapped()?.connected(session(), '::1');
    expect(await listened.numbers(1)).toEqual([0]);
    await listened.taps.stop();
  });

  it('should find a device by the name that refusals have for it', async () => {
    const listened = new Listened();
    const long = 'd'.repeat(63);
    listened.taps.take({ ...request('x', long), project: 'p'.repeat(63) });
    const shown = `${`${'p'.repeat(63)}/${long}`.slice(0, 80)}...`;
    listened.taps.refused('mqtt.credentials-wrong', { clientId: shown, address: '::1' });
    expect(await listened.numbers(1)).toEqual([0]);
    listened.taps.take(request('x', long, 0));
    expect(listened.taps.tapped.size).toBe(0);
    await listened.taps.stop();
  });
});
