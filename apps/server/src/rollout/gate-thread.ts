/**
 * Judges gates in a thread with a connection of its own: windows of thousands of devices and their statistics would hold up the
 * requests and devices of this process. It begins with the first question and stays; one that dies, or owes an answer for too long, is
 * ended with all that was asked of it, and the next question begins another.
 */
import { Worker } from 'node:worker_threads';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError, isErrorCode, type ErrorCode } from '@tinyfleet/errors';
import type { GateJudge, GateJudgement, OpenRollout } from '@tinyfleet/rollouts';
import type { ConnectionTarget } from '@tinyfleet/storage';
import type { GateAnswer, GateQuestion } from './gate-messages.js';

export interface GateThreadOptions {
  readonly maxHeapMib: number;
  /** Of one judgement. A thread cannot be told to drop one: it is ended. Judgements of the largest fleets take seconds. */
  readonly timeoutMs: number;
  readonly workerFile: URL;
}
/** As compiler-thread.ts: dist/ holds JavaScript. */
const workerFile = import.meta.url.endsWith('.ts') ? '../../dist/rollout/gate-worker.js' : './gate-worker.js';
export const gateThreadDefaults: GateThreadOptions = {
  maxHeapMib: 512,
  timeoutMs: 300_000,
  workerFile: new URL(workerFile, import.meta.url),
};

interface Asked {
  readonly resolve: (judgement: GateJudgement | undefined) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}
/** What one worker was asked dies with it, and nothing of the next one's. */
interface Thread {
  readonly worker: Worker;
  readonly asked: Map<number, Asked>;
}

export class GateThread implements GateJudge {
  private thread: Thread | undefined;
  private lastId = 0;
  private readonly options: GateThreadOptions;

  constructor(
    private readonly target: ConnectionTarget,
    options: Partial<GateThreadOptions> = {},
  ) {
    this.options = { ...gateThreadDefaults, ...options };
  }

  /** @throws rollouts.gates-died, and what reading the evidence throws */
  async judge(
    { id: projectId, name }: ProjectScope,
    rollout: OpenRollout,
  ): Promise<GateJudgement | undefined> {
    const thread = (this.thread ??= this.begin());
    const id = ++this.lastId;
    const { timeoutMs } = this.options;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.end(thread, `no answer in ${timeoutMs / 1_000} s`);
        void thread.worker.terminate();
      }, timeoutMs);
      thread.asked.set(id, { resolve, reject, timer });
      const question: GateQuestion = { id, project: { id: projectId, name }, rollout };
      thread.worker.postMessage(question);
    });
  }

  async stop(): Promise<void> {
    await this.thread?.worker.terminate();
  }

  private begin(): Thread {
    const { workerFile: file, maxHeapMib } = this.options;
    const worker = new Worker(file, {
      workerData: this.target,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib },
    });
    const thread: Thread = { worker, asked: new Map() };
    worker.on('message', (answer: GateAnswer) => {
      const one = thread.asked.get(answer.id);
      if (!one) return;
      thread.asked.delete(answer.id);
      clearTimeout(one.timer);
      if (answer.kind === 'judged') one.resolve(answer.judgement);
      else one.reject(revive(answer));
    });
    worker.once('error', (error: Error) => this.end(thread, error.message, error));
    worker.once('exit', (code) => this.end(thread, `exit code ${code}`));
    return thread;
  }

  private end(thread: Thread, reason: string, cause?: Error): void {
    if (this.thread === thread) this.thread = undefined;
    const all = [...thread.asked.values()];
    thread.asked.clear();
    for (const { reject, timer } of all) {
      clearTimeout(timer);
      reject(new FleetError('rollouts.gates-died', { reason }, { cause }));
    }
  }
}

function revive(answer: Exclude<GateAnswer, { kind: 'judged' }>): FleetError {
  if (answer.kind === 'failed' && isErrorCode(answer.code))
    return new FleetError<ErrorCode>(answer.code, answer.data);
  const reason = answer.kind === 'failed' ? answer.code : answer.message;
  return new FleetError('rollouts.gates-died', { reason });
}
