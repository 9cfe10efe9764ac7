/** The database goes away and comes back: the server says so, loses nothing, and needs no restart. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as storage from '@tinyfleet/storage';
import { NO_FLUSH, copyCluster, eventually } from '@tinyfleet/testing';
import { DatabaseWire } from './database-wire.js';
import { startTestServer, type TestServer } from './test-server.js';

describe('an outage of the database', () => {
  let directory: string;
  let postgres: storage.EmbeddedPostgres;
  let wire: DatabaseWire;
  let server: TestServer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tinyfleet-outage-'));
    await chmod(directory, 0o755);
    await copyCluster(storage, join(directory, 'postgres'));
    postgres = await storage.startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      logFile: join(directory, 'log'),
      settings: NO_FLUSH,
    });
    wire = await DatabaseWire.to(postgres);
    server = await startTestServer({ DATABASE_URL: wire.url });
    await server.client.call('projectCreate', { body: { name: 'p' } });
  });
  afterAll(async () => {
    wire?.mend();
    await server?.stop();
    wire?.close();
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('should answer 503 with a hint, be live but not ready, and go on by itself', async () => {
    const events = await server.fetch('/api/v1/projects/p/events', {
      headers: { authorization: `Bearer ${server.token}` },
    });
    const reader = events.body!.getReader();
    wire.cut();
    const error = await server.client.call('projectList').catch((e: unknown) => e);
    expect(error).toMatchObject({ status: 503, code: 'storage.unreachable' });
    expect((error as { hint: string }).hint).toContain('DATABASE_URL');
    expect((await server.fetch('/health/live')).status).toBe(200);
    const ready = await server.fetch('/health/ready');
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { checks: { database: string } }).checks.database).not.toBe('ok');
    await new Promise((resolve) => setTimeout(resolve, 2_000));

    wire.mend();
    await eventually(async () => expect((await server.fetch('/health/ready')).status).toBe(200));
    await server.client.call('deviceRegister', {
      params: { project: 'p' },
      body: { name: 'after', type: 'wasm' },
    });
    // The stream that was open all the time has it too: LISTEN was taken up again.
    let text = '';
    while (!text.includes('"device":"after"')) {
      const { value, done } = await reader.read();
      expect(done).toBe(false);
      text += Buffer.from(value ?? []).toString();
    }
    await reader.cancel();
  });
});
