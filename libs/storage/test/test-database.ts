/** A database of its own for one suite: an embedded Postgres in a temporary directory, migrated. Not for product code. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as storage from '@tinyfleet/storage';
import {
  Database,
  startEmbeddedPostgres,
  type EmbeddedOptions,
  type EmbeddedPostgres,
} from '@tinyfleet/storage';
import { NO_FLUSH, copyCluster } from '@tinyfleet/testing';

export interface TestCluster {
  readonly directory: string;
  readonly postgres: EmbeddedPostgres;
  stop(): Promise<void>;
}

/** Readable by the database's system user when tests run as root. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tinyfleet-pg-'));
  await chmod(directory, 0o755);
  return directory;
}

export const clusterOptions = (directory: string, rest: Partial<EmbeddedOptions> = {}): EmbeddedOptions => ({
  directory: join(directory, 'postgres'),
  logFile: join(directory, 'postgres.log'),
  ...rest,
});

/** New, or one that has been migrated already. */
export async function startTestCluster(
  rest: Partial<EmbeddedOptions> = {},
  { isMigrated = false } = {},
): Promise<TestCluster> {
  const directory = await temporaryDirectory();
  const options = clusterOptions(directory, rest);
  if (isMigrated) await copyCluster(storage, options.directory);
  const postgres = await startEmbeddedPostgres(options);
  return {
    directory,
    postgres,
    async stop() {
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface TestDatabase {
  readonly database: Database;
  readonly cluster: TestCluster;
  stop(): Promise<void>;
}

export async function startTestDatabase(): Promise<TestDatabase> {
  const settings = { ...NO_FLUSH, synchronous_commit: 'off' };
  const cluster = await startTestCluster({ settings }, { isMigrated: true });
  const database = await Database.connect({ target: cluster.postgres.connection });
  return {
    database,
    cluster,
    async stop() {
      await database.close();
      await cluster.stop();
    },
  };
}
