/** `DATABASE_URL`: the whole product on the distribution's Postgres 15 or later, from `npm start` to a rollout. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type Client } from '@tinyfleet/contracts';
import { ensureSystemUser } from '@tinyfleet/storage';
import { describeWith, eventually, startProduct, toolPath, type Product } from '@tinyfleet/testing';

/** A cluster of the test's own, on a Unix socket. */
class Cluster {
  private constructor(
    private readonly folder: string,
    private readonly as: { uid?: number; gid?: number },
  ) {}

  static async start(): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-pg-'));
    await chmod(folder, 0o711);
    const user = process.getuid?.() === 0 ? await ensureSystemUser('tinyfleet') : undefined;
    const cluster = new Cluster(folder, user ? { uid: user.uid, gid: user.gid } : {});
    await mkdir(cluster.data);
    if (user) await chown(cluster.data, user.uid, user.gid);
    await cluster.tool('initdb', '-D', cluster.data, '-U', 'tinyfleet', '--auth=trust', '--no-sync');
    const settings = `-F -c listen_addresses= -c unix_socket_directories=${cluster.data} -c port=5433`;
    await cluster.tool(
      'pg_ctl',
      '-D',
      cluster.data,
      '-w',
      '-l',
      join(cluster.data, 'log'),
      '-o',
      settings,
      'start',
    );
    return cluster;
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  get url(): string {
    return `postgres://tinyfleet@/postgres?host=${encodeURIComponent(this.data)}&port=5433`;
  }

  async stop(): Promise<void> {
    await this.tool('pg_ctl', '-D', this.data, '-m', 'fast', 'stop');
    await rm(this.folder, { recursive: true, force: true });
  }

  private async tool(name: string, ...args: string[]): Promise<void> {
    // pg_ctl's server keeps inherited pipes open: wait for the exit, not for their end.
    await new Promise<void>((resolve, reject) => {
      const child = execFile(join(toolPath('postgres15'), name), args, { cwd: '/', ...this.as });
      child.once('error', reject);
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`${name} ended with ${code}`)),
      );
    });
  }
}

describeWith(['postgres15'], "the product on the distribution's Postgres", () => {
  let cluster: Cluster;
  let product: Product;
  let client: Client;
  const project = 'demo';

  const tinyfleet = async (...args: string[]) => {
    const result = await product.cli(...args);
    expect({ args, code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
      args,
      code: 0,
      stderr: '',
    });
    return result.stdout;
  };
  const devices = async () =>
    (await client.call('deviceList', { params: { project }, query: { limit: 100 } })).items;

  beforeAll(async () => {
    cluster = await Cluster.start();
    product = await startProduct({ env: { DATABASE_URL: cluster.url } });
    client = createClient({ baseUrl: product.url, token: product.token });
  }, 180_000);

  afterAll(async () => {
    await product.stop();
    await cluster.stop();
  }, 60_000);

  it('should start the demo without a database of its own', async () => {
    expect(existsSync(join(product.dataDir, 'postgres'))).toBe(false);
    await eventually(
      async () => expect((await devices()).filter((d) => d.presence === 'connected')).toHaveLength(50),
      { timeoutMs: 180_000 },
    );
  }, 200_000);

  it('should bring a release to all 50 devices', async () => {
    const model = 'tools/demo-model/models/vibration-v2.tflite';
    const labels = 'normal,imbalance,bearing,looseness';
    await tinyfleet('model', 'import', model, '--name', 'vibration', '--labels', labels);
    await tinyfleet('build', 'vibration', '--for', 'wasm');
    await tinyfleet('release', 'create', 'vibration@1.1.0', '--sign');
    await tinyfleet('rollout', 'start', 'vibration@1.1.0', '--to', 'tag = "demo"');
    await tinyfleet('rollout', 'watch');
    expect(new Set((await devices()).map((d) => d.activeRelease))).toEqual(new Set(['vibration@1.1.0']));
  }, 120_000);

  it('should store telemetry of the new version', async () => {
    await eventually(
      async () => {
        const params = { project, device: 'demo-007' };
        const { items } = await client.call('deviceTelemetry', { params, query: { limit: 1 } });
        expect(items[0]?.release).toBe('vibration@1.1.0');
      },
      { timeoutMs: 60_000 },
    );
  }, 70_000);
});
