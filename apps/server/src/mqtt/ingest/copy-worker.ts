/** The thread of batches: has the connections, and nothing else to do. */
import { parentPort, workerData } from 'node:worker_threads';
import { Database } from '@tinyfleet/storage';
import { failureOf, type CopyAnswer, type CopyMessage } from './copy-messages.js';
import type { CopyWorkerData } from './copy-thread.js';

const { target, connections } = workerData as CopyWorkerData;
let opened: Promise<Database> | undefined;

async function database(): Promise<Database> {
  opened ??= Database.connect({ target, poolSize: connections });
  return await opened.catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
}

async function copy({ id, sql, bytes }: CopyMessage): Promise<CopyAnswer> {
  try {
    await (await database()).copyIn(sql, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return { id, bytes };
  } catch (error) {
    return { id, bytes, failure: failureOf(error) };
  }
}

parentPort?.on('message', (message: CopyMessage) => {
  void copy(message).then((answer) => parentPort?.postMessage(answer, [message.bytes.buffer as ArrayBuffer]));
});
