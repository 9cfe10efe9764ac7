/**
 * Folds in a thread with a connection of its own: acknowledgements wait for everything that this one does. It begins with the first
 * batch that is open and stays; after one that dies the next fold begins another, which reads from the table what that one held.
 */
import { Worker } from 'node:worker_threads';
import type { ConnectionTarget } from '@tinyfleet/storage';
import type { FoldAnswer, FoldMessage } from './fold-messages.js';

export interface FoldThreadOptions {
  readonly maxHeapMib: number;
  /** Not that of the process, which is made for ingest. */
  readonly maxYoungMib: number;
  readonly workerFile: URL;
}
/** As gate-thread.ts: dist/ holds JavaScript. */
const workerFile = import.meta.url.endsWith('.ts')
  ? '../../../dist/mqtt/ingest/fold-worker.js'
  : './fold-worker.js';
export const foldThreadDefaults: FoldThreadOptions = {
  maxHeapMib: 512,
  maxYoungMib: 24,
  workerFile: new URL(workerFile, import.meta.url),
};

interface Asked {
  readonly resolve: (isMore: boolean) => void;
  readonly reject: (error: Error) => void;
}

export class FoldThread {
  private worker: Worker | undefined;
  private asked: Asked | undefined;
  private oversizedOfWorker = 0;
  private oversizedBefore = 0;
  private readonly options: FoldThreadOptions;

  constructor(
    private readonly target: ConnectionTarget,
    /** A server that nobody sends windows to has no such thread. */
    private readonly isOpen: () => Promise<boolean>,
    options: Partial<FoldThreadOptions> = {},
  ) {
    this.options = { ...foldThreadDefaults, ...options };
  }

  /** Windows that were left out of sums since the start of the process, because they are stored with too many bins. */
  get oversized(): number {
    return this.oversizedBefore + this.oversizedOfWorker;
  }

  /** @param parts as they were sent to the database */
  keep(batchId: string, parts: readonly Uint8Array[]): void {
    if (this.worker === undefined) return;
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.worker.postMessage({ kind: 'keep', batchId, bytes } satisfies FoldMessage, [bytes.buffer]);
  }

  /** One at a time. As `RollupStore.fold`. */
  async fold(maxBatches: number): Promise<boolean> {
    if (this.worker === undefined && !(await this.isOpen())) return false;
    const worker = (this.worker ??= this.begin());
    return await new Promise((resolve, reject) => {
      this.asked = { resolve, reject };
      worker.postMessage({ kind: 'fold', maxBatches } satisfies FoldMessage);
    });
  }

  async stop(): Promise<void> {
    await this.worker?.terminate();
  }

  private begin(): Worker {
    const { workerFile: file, maxHeapMib, maxYoungMib } = this.options;
    const worker = new Worker(file, {
      workerData: this.target,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib, maxYoungGenerationSizeMb: maxYoungMib },
    });
    worker.on('message', (answer: FoldAnswer) => {
      const { asked } = this;
      this.asked = undefined;
      if (answer.kind === 'failed') return asked?.reject(new Error(answer.message));
      this.oversizedOfWorker = answer.oversized;
      asked?.resolve(answer.isMore);
    });
    worker.once('error', (error: Error) => this.end(worker, error));
    worker.once('exit', (code) => this.end(worker, new Error(`the thread of rollups ended with ${code}`)));
    return worker;
  }

  private end(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.oversizedBefore += this.oversizedOfWorker;
    this.oversizedOfWorker = 0;
    this.asked?.reject(error);
    this.asked = undefined;
  }
}
