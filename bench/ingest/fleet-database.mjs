// The benches' database with a bundle that the payload names, so that its windows are folded like a fleet's.
import { startBenchDatabase } from '../fleet/bench-database.mjs';
import { CLASSES, PREFIX } from './payload.mjs';

const VERSION = '01900000-0000-7000-8300-000000000001';

/** @param {number} count devices */
export async function startFleetDatabase(count) {
  const bench = await startBenchDatabase(count);
  await bench.database.query(
    `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
     values ($1, $2, $3, $4, $5, $6, 0)`,
    [bench.project, PREFIX, Buffer.concat([PREFIX, Buffer.alloc(24)]), VERSION, bench.type, CLASSES],
  );
  return bench;
}
