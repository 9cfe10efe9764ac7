/** Bulk actions that are too large for one transaction, beside the rollout engine: takes them from the queue of jobs. */
import { projectScope } from '@tinyfleet/contracts';
import type { BulkJob } from '@tinyfleet/registry';
import {
  BULK_EXPIRE_S,
  BULK_QUEUE,
  PgStores,
  idleBulkActions,
  type BulkMessage,
  type PgJobQueue,
} from '@tinyfleet/storage';
import type { RoleContext, RunningRole } from './role.js';

/** An action goes back into the queue after this time, so that a long one holds up no other and a job ends in time. */
const TURN_MS = 30_000;
/** An action that nobody has touched for as long as a job may take has lost its job. */
const LOOK_MS = 60_000;

export async function startBulk(
  { database, log }: RoleContext,
  services: { readonly bulkJob: BulkJob; readonly jobs: PgJobQueue; readonly onlyWorker: boolean },
): Promise<RunningRole> {
  const { bulkJob, jobs, onlyWorker } = services;
  const running = new Set<Promise<void>>();
  let stopped = false;

  async function run(data: unknown): Promise<void> {
    const { projectId, project, actionId } = data as BulkMessage;
    const until = performance.now() + TURN_MS;
    const work = bulkJob.run(
      projectScope(projectId, project),
      actionId,
      () => stopped || performance.now() > until,
    );
    running.add(work);
    await work.finally(() => running.delete(work));
  }

  async function findLost(idleSeconds: number): Promise<void> {
    try {
      const stores = new PgStores(database, { jobs, expireInSeconds: BULK_EXPIRE_S });
      for (const { id, projectId, project } of await idleBulkActions(database, idleSeconds))
        await stores.bulkQueue.enqueue(projectScope(projectId, project), id);
    } catch (error) {
      log.warn({ err: error, part: 'bulk actions' }, 'bulk actions: will look again');
    }
  }

  if (onlyWorker) await jobs.releaseActive(BULK_QUEUE);
  await jobs.work(BULK_QUEUE, { concurrency: 1, expireInSeconds: BULK_EXPIRE_S }, run);
  const timer = setInterval(() => void findLost(2 * BULK_EXPIRE_S), LOOK_MS);
  return {
    name: 'bulk',
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.allSettled(running);
    },
  };
}
