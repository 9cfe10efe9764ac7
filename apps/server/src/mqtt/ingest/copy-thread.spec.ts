/** The thread of batches with workers that refuse and die; what a real one stores is in edge.medium.spec.ts. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { CopyThread } from './copy-thread.js';

/** Does what the statement says. */
const worker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    const held = [];
    const answer = (message, more = {}) =>
      parentPort.postMessage({ id: message.id, bytes: message.bytes, ...more }, [message.bytes.buffer]);
    parentPort.on('message', (message) => {
      if (message.sql === 'die') throw new Error('broken');
      else if (message.sql === 'hold') held.push(message);
      else if (message.sql === 'refuse')
        answer(message, { failure: { message: 'there', says: { code: '23505', table: 'telemetry_window_1', detail: 'Key' } } });
      else if (message.sql === 'away')
        answer(message, { failure: { registered: 'storage.unreachable', data: { target: 't', reason: 'r' } } });
      else {
        answer(message);
        for (const one of held.splice(0).reverse()) answer(one);
      }
    });`)}`,
);
const dataOf = (text: string): Buffer => Buffer.from(Uint8Array.from(Buffer.from(text)).buffer);
const thread = new CopyThread({} as never, { workerFile: worker });
afterEach(async () => thread.stop());

describe('the thread of batches', () => {
  it('should give back what it was given, each to who gave it', async () => {
    const given = dataOf('one');
    const held = ['two', 'three'].map(async (text) => await thread.copyIn('hold', dataOf(text)));
    expect((await thread.copyIn('', given)).toString()).toBe('one');
    expect(given).toHaveLength(0);
    expect((await Promise.all(held)).map(String)).toEqual(['two', 'three']);
  });

  it('should say what Postgres says, and what is registered', async () => {
    await expect(thread.copyIn('refuse', dataOf('x'))).rejects.toMatchObject({
      ...{ message: 'there', code: '23505', table: 'telemetry_window_1', detail: 'Key' },
    });
    const away = await thread.copyIn('away', dataOf('x')).catch((error: unknown) => error);
    expect(isFleetError(away) && away.transient).toBe(true);
  });

  it('should give up what a worker that dies had, and go on with another', async () => {
    const held = thread.copyIn('hold', dataOf('x'));
    const lost = Promise.allSettled([held, thread.copyIn('die', dataOf('y'))]);
    expect(await lost).toMatchObject([{ reason: { message: 'broken' } }, { reason: { message: 'broken' } }]);
    expect((await thread.copyIn('', dataOf('z'))).toString()).toBe('z');
  });
});
