/** The whole server in the test's process, on free ports with a data directory of its own, and clients for it. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { createClient, type Client } from '@tinyfleet/contracts';
import { Progress, loadConfig, startServer, type RunningServer } from '@tinyfleet/server';
import * as storage from '@tinyfleet/storage';
import { NO_FLUSH, copyCluster, eventually } from '@tinyfleet/testing';

export interface TestServer {
  readonly running: RunningServer;
  readonly url: string;
  readonly dataDir: string;
  /** Of the CLI context: an administrator. */
  readonly token: string;
  readonly client: Client;
  /** A raw request: `authorization` and `content-type` are up to the caller. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

const quiet = new (class extends Progress {
  override send(): void {}
})();

// The compiler's worker threads run what is built; everything else here is the source.
export { buildWorkspace } from '@tinyfleet/testing';

export async function startTestServer(
  env: Record<string, string> = {},
  { isAuditStrict = true } = {},
): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'tinyfleet-server-'));
  await chmod(directory, 0o755);
  const dataDir = env['TINYFLEET_DATA_DIR'] ?? join(directory, 'data');
  const config = loadConfig({
    cwd: directory,
    env: {
      TINYFLEET_DATA_DIR: dataDir,
      TINYFLEET_HTTP_PORT: '0',
      TINYFLEET_MQTT_PORT: '0',
      TINYFLEET_LOG_LEVEL: 'warn',
      ...env,
    },
  });
  const postgres = join(dataDir, 'postgres');
  if (env['DATABASE_URL'] === undefined && !existsSync(postgres)) {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    await copyCluster(storage, postgres);
  }
  const running = await startServer({
    config,
    progress: quiet,
    supervised: true,
    isAuditStrict,
    databaseSettings: NO_FLUSH,
    onFatal: () => {},
  });
  const context = JSON.parse(await readFile(join(dataDir, 'cli-context.json'), 'utf8')) as { token: string };
  return {
    running,
    url: running.httpUrl,
    dataDir,
    token: context.token,
    client: createClient({ baseUrl: running.httpUrl, token: context.token }),
    fetch: async (path, init) => fetch(running.httpUrl + path, init),
    async stop() {
      await running.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** All windows that were acknowledged are in the sums. */
export async function folded(database: Pick<storage.Database, 'query'>): Promise<void> {
  await eventually(async () => {
    expect(await database.query('select id from telemetry_batch where folded_at is null limit 1')).toEqual(
      [],
    );
  });
}
