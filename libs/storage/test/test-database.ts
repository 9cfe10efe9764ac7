/** A database of its own for one suite: an embedded Postgres in a temporary directory, migrated. Not for product code. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Database,
  startEmbeddedPostgres,
  type EmbeddedOptions,
  type EmbeddedPostgres,
} from '@tinyfleet/storage';

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

export async function startTestCluster(rest: Partial<EmbeddedOptions> = {}): Promise<TestCluster> {
  const directory = await temporaryDirectory();
  const postgres = await startEmbeddedPostgres(clusterOptions(directory, rest));
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
  // Nothing here has to survive a power cut.
  const cluster = await startTestCluster({ settings: { fsync: 'off', synchronous_commit: 'off' } });
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
