/** The thread of gates with workers that die, hang and answer late; what a real one says is in policies.medium.spec.ts. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { projectScope } from '@tinyfleet/contracts';
import type { OpenRollout } from '@tinyfleet/rollouts';
import { GateThread, type GateThreadOptions } from './gate-thread.js';

const scope = projectScope('p', 'p');
const target = {} as never;
/** What a question wants its worker to do. */
const ask = (what: 'answer' | 'throw' | 'hang'): OpenRollout => ({ id: what }) as never;
const worker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id, rollout }) => {
      if (rollout.id === 'throw') throw new Error('broken');
      if (rollout.id === 'answer') parentPort.postMessage({ kind: 'judged', id, judgement: undefined });
    });`)}`,
);

let thread: GateThread;
const begin = (options: Partial<GateThreadOptions> = {}): void => {
  thread = new GateThread(target, { workerFile: worker, ...options });
};
afterEach(async () => thread.stop());

describe('the thread of gates', () => {
  it('should ask a successor when one has died, whose questions the end of the first does not concern', async () => {
    begin();
    // Its `error` comes before its `exit`: questions in between are the next one's.
    await expect(thread.judge(scope, ask('throw'))).rejects.toMatchObject({
      code: 'rollouts.gates-died',
      data: { reason: 'broken' },
    });
    for (let i = 0; i < 20; i++) expect(await thread.judge(scope, ask('answer'))).toBeUndefined();
  });

  it('should reject all that a worker was asked when it dies', async () => {
    begin();
    const hanging = thread.judge(scope, ask('hang'));
    const broken = thread.judge(scope, ask('throw'));
    await expect(hanging).rejects.toMatchObject({ code: 'rollouts.gates-died' });
    await expect(broken).rejects.toMatchObject({ code: 'rollouts.gates-died' });
  });

  it('should end one that owes an answer for too long, and ask another', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      begin({ timeoutMs: 1_000 });
      const seen: string[] = [];
      const hanging = thread
        .judge(scope, ask('hang'))
        .catch((error: unknown) => seen.push((error as Error).message));
      // It is alive, and others are answered.
      expect(await thread.judge(scope, ask('answer'))).toBeUndefined();
      jest.advanceTimersByTime(999);
      expect(await thread.judge(scope, ask('answer'))).toBeUndefined();
      expect(seen).toEqual([]);
      jest.advanceTimersByTime(1);
      await hanging;
      expect(seen).toEqual([expect.stringMatching(/no answer in 1 s/)]);
      expect(await thread.judge(scope, ask('answer'))).toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });
});
