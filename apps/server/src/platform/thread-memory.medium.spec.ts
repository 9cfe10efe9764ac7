/** Memory of threads in a process that is started as the server is. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { SERVER_NODE_FLAGS } from '@tinyfleet/contracts';

const limit = new URL('../../dist/platform/thread-memory.js', import.meta.url);
/** Allocates, and says how large the space of its young objects became. */
const thread = `
  import { parentPort } from 'node:worker_threads';
  import { getHeapSpaceStatistics } from 'node:v8';
  let [kept, most] = [[], 0];
  for (let i = 0; i < 1_500_000; i++) {
    kept.push({ i, list: [i] });
    if (kept.length > 200_000) kept = kept.slice(100_000);
    if (i % 50_000 === 0) {
      const space = getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
      most = Math.max(most, space.space_size);
    }
  }
  parentPort.postMessage(most / 2 ** 20);`;
const program = (before: string): string => `
  ${before}
  const { Worker } = await import('node:worker_threads');
  const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };
  const worker = new Worker(${JSON.stringify(thread)}, { eval: true, resourceLimits });
  worker.on('message', (mib) => console.log(mib));`;

async function youngSpaceMib(before: string): Promise<number> {
  const args = [...SERVER_NODE_FLAGS, '--input-type=module', '--eval', program(before)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

it('should let a thread keep to the young space that it was given', async () => {
  const limited = `const { limitThreadsByTheirOwn } = await import(${JSON.stringify(limit.href)}); limitThreadsByTheirOwn();`;
  expect(await youngSpaceMib('')).toBeGreaterThan(32);
  expect(await youngSpaceMib(limited)).toBeLessThanOrEqual(16);
});
