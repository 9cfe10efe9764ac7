/** Desired state of devices, read by the edge. */
import type {
  BegunTransfer,
  ConnectedDevice,
  DesiredPayload,
  DesiredRecord,
  DesiredStore,
} from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

interface Row {
  readonly position: number;
  readonly deviceId: string;
  readonly revision: number;
  readonly deployment: number;
  readonly manifest: Buffer | null;
  readonly digest: Buffer | null;
  readonly bytes: number | null;
  readonly begunDigest: Buffer | null;
  readonly payloadMethod: DesiredPayload['method'] | null;
  readonly baseDigest: Buffer | null;
  readonly payloadDigest: Buffer | null;
  readonly payloadBytes: number | null;
  readonly hmacOnly: boolean;
  readonly sealedKey: Buffer | null;
  readonly signedBy: Buffer | null;
  readonly bytesPerSecond: number | null;
  readonly windowS: number | null;
  readonly shadowEvery: number | null;
  readonly rateOf: string | null;
  readonly devicesPerMinute: number | null;
}

export class PgDesiredStore implements DesiredStore {
  constructor(private readonly db: Db) {}

  async load(devices: readonly ConnectedDevice[]): Promise<DesiredRecord[]> {
    const rows = await this.db.query<Row>(namedQuery('rollouts/load-desired'), [
      devices.map(({ projectId }) => projectId),
      devices.map(({ deviceId }) => deviceId),
      devices.map(({ credentialId }) => credentialId),
    ]);
    const records = devices.map(({ deviceId }): DesiredRecord => ({
      deviceId,
      revision: 0,
      deployment: 0,
      bundle: undefined,
      bytesPerSecond: null,
      windowS: null,
      shadowEvery: null,
      rate: undefined,
      hmac: undefined,
    }));
    for (const row of rows) {
      const { position, deviceId, revision, deployment, manifest, digest, bytes } = row;
      const { bytesPerSecond, windowS, shadowEvery } = row;
      const bundle =
        manifest && digest && bytes !== null
          ? {
              manifest,
              signedBy: row.signedBy ?? undefined,
              digest,
              bytes,
              payload: payloadOf(row),
              begunDigest: row.begunDigest ?? undefined,
            }
          : undefined;
      const hmac = row.hmacOnly ? { sealedKey: row.sealedKey ?? undefined } : undefined;
      const { rateOf, devicesPerMinute } = row;
      const rate = rateOf && devicesPerMinute ? { rollout: rateOf, perMinute: devicesPerMinute } : undefined;
      const limits = { bytesPerSecond, windowS, shadowEvery, rate };
      records[position - 1] = { deviceId, revision, deployment, bundle, hmac, ...limits };
    }
    return records;
  }

  async begin(transfers: readonly BegunTransfer[]): Promise<void> {
    await this.db.execute(
      `update desired_state ds set transfer_digest = t.digest
       from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bigint[]) as t (project_id, device_id, digest, revision)
       where ds.project_id = t.project_id and ds.device_id = t.device_id and ds.revision = t.revision
         and ds.transfer_digest is distinct from t.digest`,
      [
        transfers.map(({ projectId }) => projectId),
        transfers.map(({ deviceId }) => deviceId),
        transfers.map(({ digest }) => digest),
        transfers.map(({ revision }) => revision),
      ],
    );
  }

  async changedAfter(
    projectId: string,
    revision: number,
    limit: number,
  ): Promise<{ device: string; revision: number }[]> {
    return await this.db.query<{ device: string; revision: number }>(
      `select d.name as device, ds.revision::float8 as revision
       from desired_state ds join device d on d.project_id = ds.project_id and d.id = ds.device_id
       where ds.project_id = $1 and ds.revision > $2 order by ds.revision limit $3`,
      [projectId, revision, limit],
    );
  }

  async lastRevisions(projectIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.db.query<{ projectId: string; value: number }>(
      `select project_id as "projectId", value::float8 as value from project_counter
       where kind = 'desired' and project_id = any($1::uuid[])`,
      [projectIds],
    );
    return new Map(rows.map(({ projectId, value }) => [projectId, value]));
  }
}

function payloadOf(row: Row): DesiredPayload | undefined {
  const { payloadMethod: method, payloadDigest: digest, payloadBytes: bytes, baseDigest } = row;
  if (method === null || digest === null || bytes === null) return undefined;
  return { method, digest, bytes, baseDigest: baseDigest?.length === 32 ? baseDigest : undefined };
}
