/** The thread of gates: questions in, verdicts out, each as soon as it is there. */
import { parentPort, workerData } from 'node:worker_threads';
import { projectScope } from '@tinyfleet/contracts';
import { isFleetError } from '@tinyfleet/errors';
import { StepGates } from '@tinyfleet/rollouts';
import { Database, PgCohortMetrics, PgOpenRollouts, type ConnectionTarget } from '@tinyfleet/storage';
import type { GateAnswer, GateQuestion } from './gate-messages.js';

/** Judgements at the same time are no more. */
const poolSize = 2;

let opened: Promise<StepGates> | undefined;

async function open(): Promise<StepGates> {
  const database = await Database.connect({ target: workerData as ConnectionTarget, poolSize });
  return new StepGates(new PgOpenRollouts(database), new PgCohortMetrics(database));
}

async function answer({ id, project, rollout }: GateQuestion): Promise<GateAnswer> {
  try {
    opened ??= open();
    const gates = await opened.catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    const judgement = await gates.judge(projectScope(project.id, project.name), rollout);
    return { kind: 'judged', id, judgement };
  } catch (error) {
    if (isFleetError(error)) return { kind: 'failed', id, code: error.code, data: { ...error.data } };
    return { kind: 'broken', id, message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (question: GateQuestion) => {
  void answer(question).then((found) => parentPort?.postMessage(found));
});
