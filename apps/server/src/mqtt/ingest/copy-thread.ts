/**
 * Sends batches to Postgres from a thread with connections of its own. One turn of the event loop of ingest takes what a thousand
 * sockets brought; the socket of Postgres would get 200 kB of a batch in each turn, and Postgres wait for the next one.
 */
import { Worker } from 'node:worker_threads';
import type { ConnectionTarget } from '@tinyfleet/storage';
import { errorOf, type CopyAnswer, type CopyMessage } from './copy-messages.js';

export interface CopyThreadOptions {
  /** Batches that Postgres works on at once; others wait in the thread. */
  readonly connections: number;
  readonly maxHeapMib: number;
  /** Not that of the process, which is made for ingest: what passes here is bytes, outside of the heap. */
  readonly maxYoungMib: number;
  readonly workerFile: URL;
}
export type CopyWorkerData = Pick<CopyThreadOptions, 'connections'> & { readonly target: ConnectionTarget };

/** As gate-thread.ts: dist/ holds JavaScript. */
const workerFile = import.meta.url.endsWith('.ts')
  ? '../../../dist/mqtt/ingest/copy-worker.js'
  : './copy-worker.js';
export const copyThreadDefaults: CopyThreadOptions = {
  connections: 4,
  maxHeapMib: 256,
  maxYoungMib: 16,
  workerFile: new URL(workerFile, import.meta.url),
};

interface Asked {
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class CopyThread {
  private worker: Worker | undefined;
  /** By id. No Map: as in batcher.ts. */
  private readonly asked: (Asked | undefined)[] = [];
  private readonly options: CopyThreadOptions;

  constructor(
    private readonly target: ConnectionTarget,
    options: Partial<CopyThreadOptions> = {},
  ) {
    this.options = { ...copyThreadDefaults, ...options };
  }

  /** As `Database.copyIn`. @param data alone in its memory, which is given away @returns the data, elsewhere */
  async copyIn(sql: string, data: Buffer): Promise<Buffer> {
    const worker = (this.worker ??= this.begin());
    return await new Promise((resolve, reject) => {
      const free = this.asked.indexOf(undefined);
      const id = free < 0 ? this.asked.length : free;
      this.asked[id] = { resolve, reject };
      worker.postMessage({ id, sql, bytes: data } satisfies CopyMessage, [data.buffer as ArrayBuffer]);
    });
  }

  async stop(): Promise<void> {
    await this.worker?.terminate();
  }

  private begin(): Worker {
    const { workerFile: file, maxHeapMib, maxYoungMib, connections } = this.options;
    const worker = new Worker(file, {
      workerData: { target: this.target, connections } satisfies CopyWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib, maxYoungGenerationSizeMb: maxYoungMib },
    });
    worker.on('message', ({ id, bytes, failure }: CopyAnswer) => {
      const asked = this.asked[id];
      this.asked[id] = undefined;
      if (failure) asked?.reject(errorOf(failure));
      else asked?.resolve(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    });
    worker.once('error', (error: Error) => this.end(worker, error));
    worker.once('exit', (code) => this.end(worker, new Error(`the thread of batches ended with ${code}`)));
    return worker;
  }

  /** What it was asked for may or may not be stored: it is tried again. */
  private end(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    for (const asked of this.asked.splice(0)) asked?.reject(error);
  }
}
