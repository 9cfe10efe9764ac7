/**
 * Works off a bulk action part by part. Each part is one transaction that changes its devices, says how far it is and
 * removes the part: whoever dies, and however many work on it, each device is changed once.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { RegistryStores } from '../ports.js';
import { announce, applyChange, requireGroups } from './apply-change.js';
import { progressOf } from './bulk-service.js';
import type { BulkAction } from './ports.js';
import type { BulkLimits } from '../ports.js';

export class BulkJob {
  constructor(
    private readonly transact: Transact<RegistryStores>,
    private readonly limits: BulkLimits,
  ) {}

  /**
   * Goes on until the action is over, or `enough` says so: then the queue has it again.
   * @throws what is no fault of the action, such as storage.unreachable: it is tried again
   */
  async run(scope: ProjectScope, id: string, enough: () => boolean): Promise<void> {
    try {
      while (await this.step(scope, id)) {
        if (!enough()) continue;
        await this.transact(async ({ bulkQueue }) => await bulkQueue.enqueue(scope, id));
        return;
      }
    } catch (error) {
      if (!isFleetError(error) || error.status >= 500) throw error;
      // Gone with its project.
      if (error.code === 'registry.bulk-action-not-found') return;
      // Refused for good: the group has gone, its author may no more, or a device would have too many tags. What is changed stays changed.
      await this.end(scope, id, 'failed', error.toProblem());
    }
  }

  /** @returns whether there is more to do */
  private async step(scope: ProjectScope, id: string): Promise<boolean> {
    return await this.transact(async (stores) => {
      const { bulkActions, deviceSets, events } = stores;
      const action = await bulkActions.lock(scope, id);
      if (action.finishedAt !== null) return false;
      const part = await bulkActions.nextPart(scope, id);
      if (!part) {
        await finish(stores, scope, action, 'done', null);
        return false;
      }
      // Asked at each part: he may have been demoted or removed since.
      if (!(await bulkActions.mayGoOn(scope, action.createdBy)))
        throw new FleetError('registry.bulk-author-gone', { action: id, actor: action.createdBy });
      const { change } = action;
      const target = await requireGroups(stores, scope, change);
      const ids = await deviceSets.lockThese(scope, part.deviceIds);
      const changed = await applyChange(stores, scope, { ids, change, target, limits: this.limits });
      await bulkActions.advance(scope, id, { part, changed });
      await announce(stores, scope, ids, change);
      await events.emit(scope, 'bulk-action.changed', progressOf(await bulkActions.get(scope, id)));
      return true;
    });
  }

  private async end(
    scope: ProjectScope,
    id: string,
    state: 'failed',
    problem: BulkAction['problem'],
  ): Promise<void> {
    await this.transact(async (stores) => {
      const action = await stores.bulkActions.lock(scope, id);
      if (action.finishedAt === null) await finish(stores, scope, action, state, problem);
    });
  }
}

async function finish(
  { bulkActions, audit, events }: RegistryStores,
  scope: ProjectScope,
  { id, filter, change, createdBy, matched, handled, changed }: BulkAction,
  state: 'done' | 'failed',
  problem: BulkAction['problem'],
): Promise<void> {
  await bulkActions.finish(scope, id, { state, problem });
  await audit.append(scope, {
    actor: createdBy,
    action: 'devices.updated',
    target: filter,
    detail: { action: id, filter, change, matched, handled, changed, state, ...(problem ? { problem } : {}) },
  });
  await events.emit(scope, 'bulk-action.changed', progressOf(await bulkActions.get(scope, id)));
}
