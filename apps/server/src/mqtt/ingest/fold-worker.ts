/** The thread of rollups: keeps what ingest has just stored, and folds when it is told to. */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Database, PgRollupStore, RecentBatches, type ConnectionTarget } from '@tinyfleet/storage';
import type { FoldAnswer, FoldMessage } from './fold-messages.js';

// Acknowledgements come first, also where there are few cores. Elsewhere it would be the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);

const recent = new RecentBatches();
let opened: Promise<PgRollupStore> | undefined;

async function open(): Promise<PgRollupStore> {
  const database = await Database.connect({ target: workerData as ConnectionTarget, poolSize: 1 });
  return new PgRollupStore(database, recent);
}

async function fold(maxBatches: number): Promise<FoldAnswer> {
  try {
    opened ??= open();
    const store = await opened.catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    const isMore = await store.fold(maxBatches);
    return { kind: 'folded', isMore, oversized: store.oversized };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (message: FoldMessage) => {
  if (message.kind === 'keep') recent.keep(message.batchId, [Buffer.from(message.bytes.buffer)]);
  else void fold(message.maxBatches).then((answer) => parentPort?.postMessage(answer));
});
