/**
 * An embedded Postgres that has been made and migrated already: the first suite of a checkout makes one, all others copy its
 * directory. Suites whose subject is the first start make their own.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { workspaceRoot } from './product.js';

/** Nothing of a test has to survive a power cut. */
export const NO_FLUSH = { fsync: 'off', full_page_writes: 'off' } as const;

/** What is used of @tinyfleet/storage, which this library may not import. */
interface Storage<Target> {
  startEmbeddedPostgres(options: {
    readonly directory: string;
    readonly logFile: string;
    readonly settings: Readonly<Record<string, string>>;
  }): Promise<{ readonly connection: Target; stop(): Promise<void> }>;
  readonly Database: { connect(options: { readonly target: Target }): Promise<{ close(): Promise<void> }> };
}

const run = promisify(execFile);
const cache = join(workspaceRoot, 'node_modules/.cache/tinyfleet/clusters');
const sources = ['package.json', 'src/postgres/embedded', 'src/postgres/migrations'].map((name) =>
  join(workspaceRoot, 'libs/storage', name),
);

/** Makes `directory`, which must not exist, as `startEmbeddedPostgres` wants it. */
export async function copyCluster<Target>(storage: Storage<Target>, directory: string): Promise<void> {
  const made = join(cache, await digestOf(sources));
  if (!existsSync(made)) await make(storage, made);
  // Owners stay, so the database's user can read it.
  await run('cp', ['-a', made, directory]);
}

async function make<Target>(storage: Storage<Target>, to: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-cluster-'));
  // The database's user walks through it.
  await chmod(folder, 0o711);
  const directory = join(folder, 'postgres');
  try {
    const logFile = join(folder, 'log');
    const postgres = await storage.startEmbeddedPostgres({ directory, logFile, settings: NO_FLUSH });
    const database = await storage.Database.connect({ target: postgres.connection });
    await database.close();
    await postgres.stop();
    const partial = `${to}.${process.pid}`;
    await mkdir(cache, { recursive: true });
    // Of other sources; one of these may be copied by another suite just now.
    for (const name of await readdir(cache))
      if (!name.startsWith(basename(to))) await rm(join(cache, name), { recursive: true, force: true });
    await run('cp', ['-a', directory, partial]);
    // Two suites may make one at once: the second is thrown away.
    await rename(partial, to).catch(() => rm(partial, { recursive: true, force: true }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function digestOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const names = path.endsWith('.json') ? [''] : (await readdir(path)).sort();
    for (const name of names) hash.update(`${name}\0`).update(await readFile(join(path, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
