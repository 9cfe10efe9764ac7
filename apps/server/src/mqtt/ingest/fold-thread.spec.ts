/** The thread of rollups with workers that die and refuse; what a real one folds is in edge.medium.spec.ts. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { FoldThread } from './fold-thread.js';

/** Dies of a fold of 13 batches, fails one of 7, and leaves more where as many bytes were kept as batches are asked for. */
const worker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    let kept = 0;
    parentPort.on('message', ({ kind, bytes, maxBatches }) => {
      if (kind === 'keep') kept += bytes.length;
      else if (maxBatches === 13) throw new Error('broken');
      else if (maxBatches === 7) parentPort.postMessage({ kind: 'failed', message: 'refused' });
      else parentPort.postMessage({ kind: 'folded', isMore: kept === maxBatches, oversized: 2 });
    });`)}`,
);
let isOpen = true;
let thread: FoldThread;
const begin = (): void => {
  thread = new FoldThread({} as never, () => Promise.resolve(isOpen), { workerFile: worker });
};
afterEach(async () => thread.stop());

describe('the thread of rollups', () => {
  it('should begin when something is to be folded, and not before', async () => {
    begin();
    isOpen = false;
    expect(await thread.fold(0)).toBe(false);
    thread.keep('1', [Buffer.of(1)]);
    isOpen = true;
    // What was kept before it began is read from the table.
    expect(await thread.fold(1)).toBe(false);
  });

  it('should have the bytes of a batch, whatever they were part of', async () => {
    begin();
    await thread.fold(1);
    const whole = Buffer.alloc(100);
    thread.keep('1', [whole.subarray(10, 13), whole.subarray(50, 52)]);
    expect(whole).toHaveLength(100);
    expect(await thread.fold(5)).toBe(true);
  });

  it('should say what failed and go on, with another worker where one has died', async () => {
    begin();
    await expect(thread.fold(7)).rejects.toThrow('refused');
    expect(await thread.fold(1)).toBe(false);
    await expect(thread.fold(13)).rejects.toThrow('broken');
    expect(await thread.fold(1)).toBe(false);
    // Of both workers.
    expect(thread.oversized).toBe(4);
  });
});
