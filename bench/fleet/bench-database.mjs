// A Postgres of its own with one project, `bench`, and its devices d0, d1, ..., registered by SQL because what is measured starts
// behind the API.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, startEmbeddedPostgres } from '../../libs/storage/dist/index.js';

const uuid = (kind, i) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;

/** @param {number} count devices @returns with the token of each, and an empty folder `blobs`; `stop` removes everything */
export async function startBenchDatabase(count) {
  const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
  // Root runs Postgres as another user, who has to get in.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'blobs'));
  const postgres = await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
  });
  const database = await Database.connect({ target: postgres.connection });
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
  const [project, type] = [uuid(1, 1), uuid(2, 1)];
  await database.query(`insert into project (id, name) values ($1, 'bench')`, [project]);
  await database.query(
    `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, 'wasm', true, '{}')`,
    [project, type],
  );
  await database.query(
    `with made as (
       insert into device (project_id, id, name, type_id)
       select $1, id, name, $2 from unnest($3::uuid[], $4::text[]) as t (id, name) returning id, name
     )
     insert into device_credential (project_id, id, device_id, kind, hash, created_by)
     select $1, made.id, made.id, 'token', hash, 'bench' from unnest($4::text[], $5::bytea[]) as t (name, hash) join made using (name)`,
    [
      project,
      type,
      tokens.map((_, i) => uuid(4, i)),
      tokens.map((_, i) => `d${i}`),
      tokens.map((token) => createHash('sha256').update(token).digest()),
    ],
  );
  await database.query('analyze');
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    await database.close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  // Who is ended early leaves no Postgres behind.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  return { folder, database, project, type, tokens, stop };
}
