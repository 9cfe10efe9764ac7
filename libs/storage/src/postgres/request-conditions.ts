/**
 * Conditions of the request that is being served, which every transaction of it has to keep: the precondition of an
 * If-Match, checked under the row's lock, and the hold on an Idempotency-Key, taken with the commit. They travel with
 * the request (AsyncLocalStorage), so no store and no service has to know of them.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Tx } from './database.js';

/** Resources with a revision, by the name of their path parameter. */
export type Revisioned = 'project' | 'device' | 'deviceType' | 'webhook' | 'group';

export interface Precondition {
  readonly resource: Revisioned;
  readonly scope: ProjectScope;
  readonly name: string;
  /** Any of these; empty: none can hold. */
  readonly revisions: readonly number[];
}

export interface RequestConditions {
  precondition?: Precondition | undefined;
  /** Row of `idempotency` and the attempt that holds it. */
  readonly hold?: { readonly id: Buffer; readonly holder: string } | undefined;
}

export const requestConditions = new AsyncLocalStorage<RequestConditions>();

const REVISION: Record<Revisioned, string> = {
  project: 'select revision::int as revision from project where id = $1 and name = $2 for update',
  device: 'select revision::int as revision from device where project_id = $1 and name = $2 for update',
  deviceType:
    'select revision::int as revision from device_type where project_id = $1 and name = $2 for update',
  group: 'select revision::int as revision from device_group where project_id = $1 and name = $2 for update',
  webhook: 'select revision::int as revision from webhook where project_id = $1 and name = $2 for update',
};

/** First statement of a transaction. @returns what to call when it is going to be tried again @throws server.precondition-failed */
export async function checkPrecondition(tx: Pick<Tx, 'query'>): Promise<() => void> {
  const conditions = requestConditions.getStore();
  const wanted = conditions?.precondition;
  if (!conditions || !wanted) return () => {};
  conditions.precondition = undefined;
  const [row] = await tx.query<{ revision: number }>(REVISION[wanted.resource], [
    wanted.scope.id,
    wanted.name,
  ]);
  // A resource that is not there is said to be so by whoever looks for it.
  if (row && !wanted.revisions.includes(row.revision)) {
    throw new FleetError('server.precondition-failed', { resource: wanted.name, revision: row.revision });
  }
  return () => void (conditions.precondition = wanted);
}

/** Last statement of a transaction. @throws server.idempotency-in-progress when another attempt took over */
export async function keepHold(tx: Pick<Tx, 'execute'>): Promise<void> {
  const hold = requestConditions.getStore()?.hold;
  if (!hold) return;
  const held = await tx.execute(
    `update idempotency set state = 'committed' where id = $1 and holder = $2 and state in ('running', 'committed')`,
    [hold.id, hold.holder],
  );
  if (held === 0) throw new FleetError('server.idempotency-in-progress');
}
