// `npm run bench -- import [rows]`: devices from CSV through the whole path (parse, check, stage, write, audit, event) as a
// share of a bare binary COPY of the same rows into the same table, same indexes and constraints, same run, same database.
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bar, printBars, table } from './report.mjs';

const DEFAULT_ROWS = 1_000_000;
const CHUNK_ROWS = 1_000;

/** @param {readonly string[]} args */
export async function run(args) {
  const rows = Number(args[0] ?? DEFAULT_ROWS);
  const storage = await import('../libs/storage/dist/index.js');
  const { CATALOGUE, DeviceImportService, attributeLimits } = await import('../libs/registry/dist/index.js');
  const { SecretSealer } = await import('../libs/releases/dist/index.js');
  const { uuidv7 } = await import('uuidv7');
  const directory = await mkdtemp(join(tmpdir(), 'tinyfleet-bench-'));
  await chmod(directory, 0o755);
  const postgres = await storage.startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    logFile: join(directory, 'postgres.log'),
  });
  let peakRss = 0;
  const sampler = setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage().rss)), 50);
  try {
    const database = await storage.Database.connect({ target: postgres.connection });
    const stores = new storage.PgStores(database);
    const project = async (name) => {
      const scope = await stores.projects.add(
        { name, title: '', simulated: false, windowSeconds: 60, pickEvery: 0 },
        null,
      );
      await stores.types.refreshBuiltIn(scope, CATALOGUE);
      return scope;
    };
    const nameOf = (i) => `pump-${String(i).padStart(7, '0')}`;
    const { copy, BinaryCopy } = storage;
    const writer = new BinaryCopy('device', {
      projectId: { column: 'project_id', type: copy.uuid },
      id: { column: 'id', type: copy.uuid },
      name: { column: 'name', type: copy.text },
      typeId: { column: 'type_id', type: copy.uuid },
      site: { column: 'site', type: copy.text },
      hardwareRevision: { column: 'hardware_revision', type: copy.text },
    });
    const bare = async (name) => {
      const scope = await project(name);
      const [{ id: typeId }] = await database.query(
        `select id from device_type where project_id = $1 and name = 'wasm'`,
        [scope.id],
      );
      const begun = performance.now();
      await database.transaction(async (tx) => {
        for (let at = 0; at < rows; at += 5_000) {
          const batch = [];
          for (let i = at; i < Math.min(rows, at + 5_000); i++) {
            const site = `hall-${i % 50}`;
            batch.push({
              projectId: scope.id,
              id: uuidv7(),
              name: nameOf(i),
              typeId,
              site,
              hardwareRevision: 'B2',
            });
          }
          await writer.write(tx.client, batch);
        }
      });
      return rows / ((performance.now() - begun) / 1_000);
    };
    const imports = new DeviceImportService(
      new storage.PgDeviceImportStore(database, attributeLimits.maxCount),
      new storage.PgStores(database).audit,
      new SecretSealer(Buffer.alloc(32, 7)),
      uuidv7,
      {
        maxRows: rows,
        maxBytes: 2 ** 31,
        maxLineBytes: 65_536,
        maxErrors: 1_000,
        maxAtOnce: 1,
        tokensSeconds: 60,
        attributes: attributeLimits,
      },
    );
    async function* file() {
      yield Buffer.from('name,type,site,hardwareRevision\n');
      for (let at = 0; at < rows; at += CHUNK_ROWS) {
        let text = '';
        for (let i = at; i < Math.min(rows, at + CHUNK_ROWS); i++)
          text += `${nameOf(i)},wasm,hall-${i % 50},B2\n`;
        yield Buffer.from(text);
      }
    }
    const imported = async (name, tokens) => {
      const scope = await project(name);
      const begun = performance.now();
      const request = { id: randomUUID(), dryRun: false, onConflict: 'fail', tokens };
      const done = await imports.run('bench', scope, file(), request);
      if (done.added !== rows) throw new Error(`${done.added} of ${rows} rows were imported`);
      return rows / ((performance.now() - begun) / 1_000);
    };
    peakRss = 0;
    const importRate = await imported('import', false);
    const importRss = peakRss;
    const bareRate = await bare('bare');
    const tokenRate = rows <= 200_000 ? await imported('tokens', true) : undefined;
    table(
      ['path', 'rows/s'],
      [
        ['bare COPY into device', Math.round(bareRate)],
        ['import', Math.round(importRate)],
        ...(tokenRate === undefined ? [] : [['import with tokens', Math.round(tokenRate)]]),
      ],
    );
    process.stdout.write(
      `\n${rows} rows; peak RSS of the importing process ${Math.round(importRss / 2 ** 20)} MiB\n\n`,
    );
    const bars = [
      bar({
        id: 'import.rows',
        value: importRate / bareRate,
        bar: 0.3,
        better: 'higher',
        unit: 'x bare COPY',
        aim: true,
      }),
    ];
    printBars(bars);
    await database.close();
    return { bars };
  } finally {
    clearInterval(sampler);
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
