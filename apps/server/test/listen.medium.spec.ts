/**
 * Listening to a device: one server answers people, another holds the connections, and they share nothing but the
 * database. The device is a client over the real broker and must not notice.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt from 'mqtt';
import type { Resource } from '@tinyfleet/contracts';
import { Progress, loadConfig, startServer, type RunningServer } from '@tinyfleet/server';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { DatabaseWire } from './database-wire.js';
import { ScriptedDevice } from './scripted-device.js';
import { startTestServer, type TestServer } from './test-server.js';

type Heard = Resource<'DeviceListenEvent'>;

let directory: string;
let postgres: EmbeddedPostgres;
let wire: DatabaseWire;
let api: TestServer;
let edge: RunningServer;
let token = '';
const params = { project: 'demo', device: 'a' };

async function startEdgeServer(): Promise<RunningServer> {
  const quiet = new (class extends Progress {
    override send(): void {}
  })();
  const config = loadConfig({ cwd: directory, env: { ...shared(), TINYFLEET_ROLES: 'broker,ingest,ota' } });
  return await startServer({ config, progress: quiet, supervised: true, onFatal: () => {} });
}
const shared = (): Record<string, string> => ({
  DATABASE_URL: wire.url,
  TINYFLEET_SECRET: 's'.repeat(32),
  TINYFLEET_HTTP_PORT: '0',
  TINYFLEET_MQTT_PORT: '0',
  TINYFLEET_LOG_LEVEL: 'warn',
  TINYFLEET_DATA_DIR: join(directory, 'edge'),
  TINYFLEET_LISTENERS: '2',
  TINYFLEET_LISTEN_RATE: '20',
});

/** What comes, as it came and parsed. */
class Ear {
  readonly heard: Heard[] = [];
  text = '';
  private readonly end = new AbortController();

  static async open(query: { raw?: string } = {}): Promise<Ear> {
    const ear = new Ear();
    const stream = await api.client.call('deviceListen', { params, query, signal: ear.end.signal });
    void ear.read(stream);
    return ear;
  }
  of<K extends Heard['kind']>(kind: K): Extract<Heard, { kind: K }>[] {
    return this.heard.filter((one): one is Extract<Heard, { kind: K }> => one.kind === kind);
  }
  message(name: string) {
    return this.of('message').filter((one) => one.name === name);
  }
  close(): void {
    this.end.abort();
  }
  private async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stream) {
        this.text += decoder.decode(chunk, { stream: true });
        const data = this.text.match(/^data: .*(?=\n\n)/gm) ?? [];
        for (const line of data.slice(this.heard.length)) this.heard.push(JSON.parse(line.slice(6)) as Heard);
      }
    } catch {
      // Closed by the test.
    }
  }
}

async function connect(): Promise<ScriptedDevice> {
  return await ScriptedDevice.connect({ port: Number(new URL(edge.mqttUrl!).port), name: 'a', token });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tinyfleet-listen-'));
  await chmod(directory, 0o755);
  const place = { directory: join(directory, 'postgres'), logFile: join(directory, 'log') };
  postgres = await startEmbeddedPostgres(place);
  wire = await DatabaseWire.to(postgres);
  api = await startTestServer({
    ...shared(),
    TINYFLEET_DATA_DIR: join(directory, 'api'),
    TINYFLEET_ROLES: 'api',
  });
  edge = await startEdgeServer();
  await api.client.call('projectCreate', { body: { name: 'demo' } });
  const body = { name: 'a', type: 'wasm' };
  ({ token } = await api.client.call('deviceRegister', { params: { project: 'demo' }, body }));
}, 120_000);
afterAll(async () => {
  await api?.stop();
  await edge?.stop();
  wire?.close();
  await postgres?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('listening to a device whose connection another process holds', () => {
  it('should tell its connections and messages, decoded, and leave it alone', async () => {
    const ear = await Ear.open();
    await eventually(() => expect(ear.heard).toMatchObject([{ kind: 'listening', connected: false }]));
    const device = await connect();
    await device.hello();
    await device.nextDesired();
    await eventually(() => expect(ear.message('desired')).toHaveLength(1));
    expect(ear.of('connected')).toMatchObject([{ address: '127.0.0.1', credential: 'token' }]);
    expect(ear.of('subscribed')).toMatchObject([{ topic: 'fleet/1/demo/a/down/#', qos: 1 }]);
    expect(ear.message('hello')).toMatchObject([
      { direction: 'up', qos: 1, will: false, error: null, hex: null, message: { deviceType: 'wasm' } },
    ]);
    expect(ear.message('desired')).toMatchObject([{ direction: 'down', message: { windowS: 3_600 } }]);
    // A second listener, raw, hears the same; the device has its first connection still.
    const second = await Ear.open({ raw: 'true' });
    await device.publish('state', Buffer.from([0xff, 0x00]));
    await device.hello();
    await device.nextDesired();
    await eventually(() => {
      expect(second.message('hello').at(-1)?.hex).toMatch(/^[0-9a-f]{40,}$/);
      expect(ear.message('state')).toMatchObject([{ message: null, hex: 'ff00' }]);
    });
    expect(ear.message('state')[0]?.error?.code).toMatch(/^wire\./);
    expect(ear.of('connected')).toHaveLength(1);
    expect(second.heard[0]).toMatchObject({ kind: 'listening', connected: true });
    device.end();
    await eventually(() => expect(ear.of('disconnected')).toHaveLength(1));
    ear.close();
    second.close();
  }, 30_000);

  it('should tell who was refused under its name, and no secret of anybody', async () => {
    const ear = await Ear.open();
    const port = Number(new URL(edge.mqttUrl!).port);
    const login = { clientId: 'demo/a', username: 'demo/a', reconnectPeriod: 0, protocolVersion: 4 as const };
    const stranger = mqtt.connect({ ...login, port, host: '127.0.0.1', password: 'a wrong secret' });
    stranger.on('error', () => {});
    await eventually(() =>
      expect(ear.of('refused')).toMatchObject([{ code: 'mqtt.credentials-wrong', address: '127.0.0.1' }]),
    );
    const device = await connect();
    await device.hello();
    await device.client.subscribeAsync('fleet/1/demo/b/down/#').catch(() => {});
    await eventually(() => {
      expect(ear.of('refused').at(-1)?.code).toBe('mqtt.subscription-refused');
      expect(ear.message('desired')).toHaveLength(1);
    });
    device.end();
    stranger.end(true);
    for (const secret of [token, 'a wrong secret']) expect(ear.text).not.toContain(secret);
    ear.close();
  }, 30_000);

  it('should count what is above the rate', async () => {
    const ear = await Ear.open();
    await eventually(() => expect(ear.heard).toHaveLength(1));
    const device = await connect();
    for (let i = 0; i < 100; i++) void device.publish('sample', Buffer.from([0xff]), 0);
    await eventually(() => {
      const dropped = ear.of('dropped').reduce((sum, { messages }) => sum + messages, 0);
      // Besides them: connected, and subscribed.
      expect(ear.of('message').length + dropped).toBeGreaterThanOrEqual(98);
      expect(dropped).toBeGreaterThan(40);
    });
    device.end();
    ear.close();
  }, 30_000);

  it('should refuse one listener too many until another ends, and say when nobody holds connections', async () => {
    const ears: Ear[] = [];
    await eventually(async () => {
      while (ears.length < 2) ears.push(await Ear.open());
    });
    await expect(Ear.open()).rejects.toMatchObject({ status: 429, code: 'server.too-many-listeners' });
    ears.pop()?.close();
    await eventually(async () => ears.push(await Ear.open()));

    await edge.stop();
    await expect(Ear.open()).rejects.toMatchObject({ status: 503, code: 'server.edge-silent' });
    for (const ear of ears) ear.close();
    edge = await startEdgeServer();
    const again = await Ear.open();
    again.close();
  }, 60_000);
});
