/**
 * Runs the compiler in a worker thread with bounded memory: a hostile model can end its thread, never the process.
 * One thread per request; starting one costs some 100 ms, which a build does not notice.
 */
import { Worker } from 'node:worker_threads';
import { FleetError, isErrorCode, type ErrorCode } from '@tinyfleet/errors';
import type { ModelInspector } from '@tinyfleet/registry';
import type { WorkerReply, WorkerRequest } from './messages.js';

const MAX_HEAP_MIB = 1_024;
const INSPECT_TIMEOUT_S = 30;

export interface ThreadControl {
  readonly timeoutS: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: string, progress: number) => void;
}

type Final = Exclude<WorkerReply, { kind: 'progress' | 'failed' | 'broken' }>;

/** @throws the compiler's registered error, builds.timeout, builds.worker-died, builds.cancelled */
export function runCompiler(request: WorkerRequest, control: ThreadControl): Promise<Final> {
  return new Promise((resolve, reject) => {
    if (control.signal?.aborted) return reject(new FleetError('builds.cancelled'));
    const worker = new Worker(new URL(workerFile(), import.meta.url), {
      workerData: request,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
      stdout: false,
      stderr: false,
    });
    const end = (error: FleetError) => {
      finish();
      void worker.terminate();
      reject(error);
    };
    const timer = setTimeout(
      () => end(new FleetError('builds.timeout', { seconds: control.timeoutS })),
      control.timeoutS * 1_000,
    );
    const abort = () => end(new FleetError('builds.cancelled'));
    control.signal?.addEventListener('abort', abort, { once: true });
    function finish(): void {
      clearTimeout(timer);
      control.signal?.removeEventListener('abort', abort);
    }
    worker.on('message', (message: WorkerReply) => {
      switch (message.kind) {
        case 'progress':
          return control.onProgress?.(message.stage, message.progress);
        case 'failed':
          return end(revive(message.code, message.data));
        case 'broken':
          return end(
            new FleetError(
              'builds.worker-died',
              { reason: firstLine(message.message) },
              { cause: message.message },
            ),
          );
        default:
          finish();
          resolve(message);
      }
    });
    worker.once('error', (error) =>
      end(new FleetError('builds.worker-died', { reason: error.message }, { cause: error })),
    );
    worker.once('exit', (code) => end(new FleetError('builds.worker-died', { reason: `exit code ${code}` })));
  });
}

/** dist/ holds JavaScript; under Jest the source is read through a loader hook that only dist has no need of. */
const workerFile = (): string =>
  import.meta.url.endsWith('.ts') ? '../../dist/compiler/worker.js' : './worker.js';

function revive(code: string, data: Record<string, unknown>): FleetError {
  if (!isErrorCode(code)) return new FleetError('builds.worker-died', { reason: code });
  return new FleetError<ErrorCode>(code, data);
}
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** Model import looks into files with the same care as a build. */
export const threadedInspector: ModelInspector = {
  async inspect(bytes, fileName) {
    const reply = await runCompiler({ kind: 'inspect', fileName, bytes }, { timeoutS: INSPECT_TIMEOUT_S });
    if (reply.kind !== 'inspected')
      throw new FleetError('builds.worker-died', { reason: 'an answer to something else' });
    return { format: reply.format, contract: reply.contract, inspection: reply.inspection };
  },
};
