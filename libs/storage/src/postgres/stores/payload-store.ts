/** Payloads of transfers: set-based plans, single facts of jobs. Offers are read with what is desired (load-desired.sql). */
import type { ProjectScope, UnnamedBlob } from '@tinyfleet/contracts';
import type { PayloadKey, PayloadStore } from '@tinyfleet/releases';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { addBlob } from './model-store.js';

/** Parameters $1 to $5. */
const ONE = `project_id = $1 and target_digest = $2 and base_digest = $3 and method = $4 and block_bytes = $5`;
const valuesOf = (scope: ProjectScope, { target, base, method, blockBytes }: PayloadKey): unknown[] => [
  scope.id,
  Buffer.from(target, 'hex'),
  Buffer.from(base, 'hex'),
  method,
  blockBytes,
];

export class PgPayloadStore implements PayloadStore {
  constructor(private readonly db: Db) {}

  async plan(
    scope: ProjectScope,
    of: { releaseId: string; rolloutId?: string | undefined; maxBases: number },
  ): Promise<PayloadKey[]> {
    return await this.db.query<PayloadKey & object>(namedQuery('rollouts/plan-payloads'), [
      scope.id,
      of.releaseId,
      of.rolloutId ?? null,
      of.maxBases,
    ]);
  }

  async isQueued(scope: ProjectScope, key: PayloadKey): Promise<boolean> {
    const rows = await this.db.query(
      `select 1 from transfer_payload where ${ONE} and state = 'queued'`,
      valuesOf(scope, key),
    );
    return rows.length > 0;
  }

  async ready(
    scope: ProjectScope,
    key: PayloadKey,
    payload: { digest: string; bytes: number },
  ): Promise<void> {
    await addBlob(this.db, scope, { ...payload, kind: 'transfer' });
    await this.end(scope, key, { state: 'ready', digest: payload.digest, bytes: payload.bytes, error: null });
  }

  async useless(scope: ProjectScope, key: PayloadKey, bytes: number): Promise<void> {
    await this.end(scope, key, { state: 'useless', digest: null, bytes, error: null });
  }

  async failed(scope: ProjectScope, key: PayloadKey, error: string): Promise<void> {
    await this.end(scope, key, { state: 'failed', digest: null, bytes: null, error });
  }

  async prune(scope: ProjectScope, keepDays: number): Promise<UnnamedBlob[]> {
    const removed = await this.db.query<{ digest: Buffer | null }>(
      `delete from transfer_payload tp
       where tp.project_id = $1 and tp.created_at < now() - make_interval(days => $2) and tp.state <> 'queued'
         and not exists (select from desired_state ds where ds.project_id = $1 and ds.digest = tp.target_digest
           and not exists (select from device_report r where r.project_id = $1 and r.device_id = ds.device_id
             and r.active_digest = ds.digest))
         and not exists (select from rollout ro join release_artifact a
           on a.project_id = ro.project_id and a.release_id = ro.release_id
           where ro.project_id = $1 and ro.state in ('running', 'paused') and a.bundle_digest = tp.target_digest)
       returning tp.payload_digest as digest`,
      [scope.id, keepDays],
    );
    const digests = removed.flatMap(({ digest }) => (digest === null ? [] : [digest]));
    if (digests.length === 0) return [];
    return await this.db.query<UnnamedBlob & object>(
      `with gone as (
         delete from blob b where b.project_id = $1 and b.kind = 'transfer' and b.digest = any($2::bytea[])
           and not exists (select from transfer_payload tp where tp.project_id = $1 and tp.payload_digest = b.digest)
         returning b.digest, b.created_at)
       select encode(digest, 'hex') as digest, created_at as "namedAt" from gone
       where not exists (select from blob o where o.digest = gone.digest and o.project_id <> $1)`,
      [scope.id, digests],
    );
  }

  private async end(
    scope: ProjectScope,
    key: PayloadKey,
    outcome: { state: string; digest: string | null; bytes: number | null; error: string | null },
  ): Promise<void> {
    await this.db.execute(
      `update transfer_payload set state = $6, payload_digest = $7, bytes = $8, error = $9, finished_at = now()
       where ${ONE} and state = 'queued'`,
      [
        ...valuesOf(scope, key),
        outcome.state,
        outcome.digest === null ? null : Buffer.from(outcome.digest, 'hex'),
        outcome.bytes,
        outcome.error,
      ],
    );
  }
}
