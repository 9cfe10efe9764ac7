/** How often new devices were compared, as a look writes it. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { PeerRecord, PeerStore, WatchSchema } from '@tinyfleet/quality';
import type { Db } from '../database.js';

export class PgPeerStore implements PeerStore {
  constructor(private readonly db: Db) {}

  async put(scope: ProjectScope, schema: WatchSchema, { id, looks }: PeerRecord): Promise<void> {
    const { modelId, schemaCrc, confidenceBins, classCount } = schema;
    await this.db.execute(
      `insert into quality_peers (project_id, id, model_id, schema_crc, confidence_bins, class_count, looks)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (project_id, model_id, schema_crc, confidence_bins, class_count) do update set looks = excluded.looks`,
      [scope.id, id, modelId, schemaCrc, confidenceBins, classCount, JSON.stringify(looks)],
    );
  }
}
