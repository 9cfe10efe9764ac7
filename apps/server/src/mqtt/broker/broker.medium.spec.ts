import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { eventually } from '@tinyfleet/testing';
import type { CredentialRecord, DeviceRecord } from '@tinyfleet/telemetry';
import type { DeviceAddress } from '@tinyfleet/wire';
import type { BatchSink } from '@tinyfleet/telemetry';
import { MqttBroker } from './broker.js';
import type { DeviceSession } from './session.js';
import { DeviceCredentials } from './credentials.js';
import { listenMqtt, type MqttListener } from './listen.js';
import { brokerDefaults, type BrokerOptions } from './options.js';
import { ensureServerTls } from '../../tls/authority.js';
import { attachWebSocket } from './websocket.js';

const token = 'a-token-of-the-test';

function credentialOf(secret: string, changes: Partial<CredentialRecord> = {}): CredentialRecord {
  const hash = createHash('sha256').update(secret).digest();
  return {
    id: `id of ${secret}`,
    kind: 'token',
    hash,
    hasKey: true,
    startsAt: null,
    expiresAt: null,
    usedAt: null,
    ...changes,
  };
}

function record(project: string, device: string, changes: Partial<DeviceRecord> = {}): DeviceRecord {
  return {
    project,
    device,
    projectId: `id of ${project}`,
    deviceId: `id of ${project}/${device}`,
    typeId: 'type',
    site: '',
    enabled: true,
    enrolment: null,
    credentials: [credentialOf(token)],
    windowS: 10,
    pickEvery: 50,
    bootId: undefined,
    lastSequence: 0,
    gaps: 0,
    ...changes,
  };
}

describe('MqttBroker', () => {
  let registry: Map<string, DeviceRecord>;
  let broker: MqttBroker;
  let listener: MqttListener;
  let http: Server;
  let received: string[];
  let onMessage: BatchSink<DeviceSession>['take'];
  let reachable: boolean;
  /** Devices of each question to the directory. */
  let asked: number[];
  const clients: MqttClient[] = [];

  async function start(changes: Partial<BrokerOptions> = {}): Promise<void> {
    const options = { ...brokerDefaults, ...changes };
    const directory = {
      find: (addresses: readonly DeviceAddress[]) => {
        asked.push(addresses.length);
        return reachable
          ? Promise.resolve(addresses.map((a) => registry.get(`${a.project}/${a.device}`)))
          : Promise.reject(new Error('the database is away'));
      },
    };
    const credentials = new DeviceCredentials(directory, options.credentialTtlMs);
    broker = new MqttBroker(credentials, options, {
      take: (session, message, settle) => onMessage(session, message, settle),
      isAway: false,
    });
    await broker.start();
    listener = await listenMqtt(broker, { host: '127.0.0.1', port: 0 });
    http = createServer((_request, response) => response.end());
    attachWebSocket(http, broker, { path: '/mqtt', maxFrameBytes: 65_536, addressOf: () => '127.0.0.1' });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  }

  beforeEach(() => {
    registry = new Map(
      ['demo/a', 'demo/b', 'other/a'].map((id) => [id, record(id.split('/')[0]!, id.split('/')[1]!)]),
    );
    received = [];
    reachable = true;
    asked = [];
    onMessage = (session, { leaf, payload }, done) => {
      received.push(`${session.clientId} ${leaf} ${payload.toString()}`);
      done();
    };
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await listener.close();
    await broker.stop();
    await new Promise((resolve) => http.close(resolve));
  });

  function connect(id: string, options: IClientOptions = {}, url?: string): Promise<MqttClient> {
    const client = mqtt.connect(url ?? `mqtt://127.0.0.1:${listener.port}`, {
      clientId: id,
      username: id,
      password: token,
      reconnectPeriod: 0,
      connectTimeout: 3_000,
      ...options,
    });
    clients.push(client);
    return new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client));
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed')));
    });
  }

  const closed = (client: MqttClient) => new Promise<void>((resolve) => client.once('close', resolve));
  const publish = (client: MqttClient, topic: string, payload: string | Buffer, qos: 0 | 1 | 2 = 1) =>
    new Promise<void>((resolve, reject) => {
      client.once('close', () => reject(new Error('closed')));
      client.publish(topic, payload, { qos }, (error) => (error ? reject(error) : resolve()));
    });

  it('should let a device publish under its own up topics', async () => {
    await start();
    const client = await connect('demo/a');
    await publish(client, 'fleet/1/demo/a/up/hello', 'x');
    expect(received).toEqual(['demo/a hello x']);
  });

  it('should speak MQTT over WebSocket on the HTTP server', async () => {
    await start();
    const { port } = http.address() as AddressInfo;
    const client = await connect('demo/a', {}, `ws://127.0.0.1:${port}/mqtt`);
    await publish(client, 'fleet/1/demo/a/up/state', 'y');
    expect(received).toEqual(['demo/a state y']);
  });

  it('should speak MQTT over TLS to those who trust the authority, and to nobody else', async () => {
    await start();
    const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-tls-'));
    const tls = await ensureServerTls(folder);
    const secure = await listenMqtt(broker, { host: '127.0.0.1', port: 0, tls });
    try {
      const url = `mqtts://127.0.0.1:${secure.port}`;
      const client = await connect('demo/a', { ca: tls.authority }, url);
      await publish(client, 'fleet/1/demo/a/up/hello', 'x');
      expect(received).toEqual(['demo/a hello x']);
      await expect(connect('demo/b', {}, url)).rejects.toThrow(/certificate/i);
      client.end(true);
    } finally {
      await secure.close();
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['a wrong token', 'demo/a', { password: 'wrong' }, /Not authorized|Bad username/i],
    ['an unknown device', 'demo/zzz', {}, /Not authorized|Bad username/i],
    ['no password', 'demo/a', { password: undefined }, /Not authorized|Bad username/i],
    ['another username than client id', 'demo/a', { username: 'demo/b' }, /closed/i],
    ['a client id that is no device', 'gateway', { username: 'gateway' }, /closed/i],
    ['a name of 64 characters', `demo/${'x'.repeat(64)}`, {}, /closed/i],
    [
      'a will outside its topics',
      'demo/a',
      { will: { topic: 'fleet/1/demo/b/up/state', payload: Buffer.of(1) } },
      /closed/,
    ],
    [
      'MQTT 5',
      'demo/a',
      { protocolVersion: 5 as const },
      /unacceptable|closed|Connection refused|Unsupported/i,
    ],
  ])('should refuse a connection with %s', async (_what, id, options, text) => {
    await start();
    await expect(connect(id, options as IClientOptions)).rejects.toThrow(text);
    expect(broker.counters.refusedConnects + broker.sessions.size).toBeLessThanOrEqual(1);
    expect(broker.sessions.size).toBe(0);
  });

  it('should refuse a disabled device', async () => {
    registry.set('demo/a', record('demo', 'a', { enabled: false }));
    await start();
    await expect(connect('demo/a')).rejects.toThrow();
  });

  it('should answer that it is unavailable when credentials cannot be read, and accept later', async () => {
    await start();
    reachable = false;
    await expect(connect('demo/a')).rejects.toThrow(/unavailable/i);
    reachable = true;
    await connect('demo/a');
  });

  it.each([
    'fleet/1/demo/b/up/hello',
    'fleet/1/other/a/up/hello',
    'fleet/1/demo/a/down/desired',
    'fleet/1/demo/a/up',
    'fleet/1/demo/a/up/a/b',
    '$SYS/broker/new',
    'anything',
  ])('should close a connection that publishes to %s', async (topic) => {
    await start();
    const client = await connect('demo/a');
    await expect(publish(client, topic, 'x')).rejects.toThrow();
    expect(received).toEqual([]);
    expect(broker.counters.refusedPublishes).toBe(1);
  });

  it('should refuse QoS 2', async () => {
    await start();
    const client = await connect('demo/a');
    await expect(publish(client, 'fleet/1/demo/a/up/hello', 'x', 2)).rejects.toThrow();
    const other = await connect('demo/b');
    const granted = await other
      .subscribeAsync('fleet/1/demo/b/down/desired', { qos: 2 })
      .catch(() => 'refused');
    expect(granted).toBe('refused');
  });

  it.each([
    ['fleet/1/demo/a/down/desired', 1],
    ['fleet/1/demo/a/down/#', 1],
    ['fleet/1/demo/b/down/#', 128],
    ['fleet/1/demo/a/down/+', 128],
    ['fleet/1/demo/+/down/desired', 128],
    ['#', 128],
    ['$share/g/fleet/1/demo/a/down/desired', 128],
    ['$SYS/#', 128],
    ['fleet/1/demo/b/down/desired', 128],
    ['fleet/1/demo/a/up/hello', 128],
  ])('should answer a subscription to %s with %i', async (topic, code) => {
    await start();
    const client = await connect('demo/a');
    const answer = new Promise<number>((resolve) => {
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'suback') resolve((packet as { granted: number[] }).granted[0]!);
      });
    });
    client.subscribe(topic, { qos: 1 }, () => {});
    expect(await answer).toBe(code);
  });

  it('should deliver what the platform sends to one device only', async () => {
    await start();
    const [a, b] = await Promise.all([connect('demo/a'), connect('demo/b')]);
    await a.subscribeAsync('fleet/1/demo/a/down/desired', { qos: 1 });
    await b.subscribeAsync('fleet/1/demo/b/down/desired', { qos: 1 });
    const got: string[] = [];
    a.on('message', (topic, payload, packet) => got.push(`${topic} ${payload.toString()} ${packet.retain}`));
    b.on('message', (topic) => got.push(topic));
    expect(await broker.session('demo', 'a')!.send('desired', Buffer.from('d'), 1)).toBe(true);
    await eventually(() => expect(got).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(got).toEqual(['fleet/1/demo/a/down/desired d false']);
  });

  it('should not retain', async () => {
    await start();
    const client = await connect('demo/a');
    await client.publishAsync('fleet/1/demo/a/up/hello', 'x', { qos: 1, retain: true });
    const again = await connect('demo/b');
    const got: string[] = [];
    again.on('message', (topic) => got.push(topic));
    await again.subscribeAsync('fleet/1/demo/b/down/desired');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(got).toEqual([]);
  });

  it('should keep no session even when asked to', async () => {
    await start();
    const client = await connect('demo/a', { clean: false });
    await client.subscribeAsync('fleet/1/demo/a/down/desired', { qos: 1 });
    client.end(true);
    await closed(client);
    const present = await new Promise((resolve) => {
      const again = mqtt.connect(`mqtt://127.0.0.1:${listener.port}`, {
        clientId: 'demo/a',
        username: 'demo/a',
        password: token,
        clean: false,
        reconnectPeriod: 0,
      });
      clients.push(again);
      again.once('connect', (packet) => resolve(packet.sessionPresent));
    });
    expect(present).toBe(false);
  });

  it('should acknowledge only when the handler calls back', async () => {
    await start();
    let release: (() => void) | undefined;
    onMessage = (_session, _message, done) => (release = () => done());
    const client = await connect('demo/a');
    let acknowledged = false;
    const published = publish(client, 'fleet/1/demo/a/up/telemetry', 'x').then(() => (acknowledged = true));
    await eventually(() => expect(release).toBeDefined());
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(acknowledged).toBe(false);
    release!();
    await published;
    expect(acknowledged).toBe(true);
  });

  it('should close the connection when the handler fails, unacknowledged', async () => {
    await start();
    onMessage = (_session, _message, done) => done(new Error('no'));
    const client = await connect('demo/a');
    await expect(publish(client, 'fleet/1/demo/a/up/telemetry', 'x')).rejects.toThrow('closed');
  });

  it('should hand over the will when a connection breaks, and not after a disconnect', async () => {
    await start();
    const will = { topic: 'fleet/1/demo/a/up/state', payload: Buffer.from('offline'), qos: 1 as const };
    const polite = await connect('demo/a', { will });
    await polite.endAsync();
    const client = await connect('demo/a', { will });
    client.stream.destroy();
    await eventually(() => expect(received).not.toEqual([]));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).toEqual(['demo/a state offline']);
  });

  it('should drop a device within a second after its token was replaced or it was removed', async () => {
    await start();
    for (const change of [
      () => registry.set('demo/a', record('demo', 'a', { credentials: [credentialOf('new')] })),
      () => registry.set('demo/a', record('demo', 'a', { credentials: [] })),
      () => registry.set('demo/a', record('demo', 'a', { enrolment: 'pending' })),
      () => registry.delete('demo/a'),
      () => registry.set('demo/a', record('demo', 'a', { enabled: false })),
    ]) {
      registry.set('demo/a', record('demo', 'a'));
      await broker.recheck('demo', 'a');
      const [client, other] = [await connect('demo/a'), await connect('demo/b')];
      const gone = closed(client);
      const started = performance.now();
      change();
      await broker.recheck('demo', 'a');
      await gone;
      expect(performance.now() - started).toBeLessThan(1_000);
      expect(other.connected).toBe(true);
      await expect(connect('demo/a')).rejects.toThrow();
      other.end(true);
    }
    expect(broker.counters.droppedRevoked).toBe(5);
  });

  it('should look at connected devices again in one question for many', async () => {
    await start({ sweepMs: 100, credentialTtlMs: 0 });
    const client = await connect('demo/a');
    await connect('demo/b');
    asked = [];
    registry.delete('demo/a');
    await closed(client);
    expect(asked[0]).toBe(2);
    expect([...broker.sessions.keys()]).toEqual(['demo/b']);
  });

  it('should close the older connection of a client id', async () => {
    await start();
    const older = await connect('demo/a');
    const gone = closed(older);
    await connect('demo/a');
    await gone;
    expect(broker.sessions.size).toBe(1);
  });

  it('should take a packet at the limit and close at one byte more', async () => {
    const topic = 'fleet/1/demo/a/up/hello';
    const overhead = 2 + topic.length + 2;
    await start({ maxPacketBytes: 1_000 });
    const client = await connect('demo/a');
    await publish(client, topic, Buffer.alloc(1_000 - overhead));
    await expect(publish(client, topic, Buffer.alloc(1_001 - overhead))).rejects.toThrow();
    expect(broker.counters.droppedForSize).toBe(1);
  });

  it('should bound a CONNECT more tightly than later packets', async () => {
    await start({ maxConnectBytes: 200 });
    const will = { topic: 'fleet/1/demo/a/up/state', payload: Buffer.alloc(300) };
    await expect(connect('demo/a', { will })).rejects.toThrow();
    expect(broker.counters.droppedForSize).toBe(1);
  });

  it('should take as many connections as the limit and refuse one more, but not a takeover', async () => {
    await start({ maxConnections: 2 });
    await connect('demo/a');
    await connect('demo/b');
    await expect(connect('other/a')).rejects.toThrow(/unavailable/i);
    await connect('demo/b');
    expect(broker.sessions.size).toBe(2);
  });

  it('should bound sockets that have not authenticated', async () => {
    await start({ maxPendingConnections: 2 });
    const sockets = Array.from({ length: 3 }, () => connectTcp(listener.port, '127.0.0.1'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sockets.filter((socket) => socket.destroyed || socket.readableEnded).length).toBeLessThanOrEqual(
      1,
    );
    expect(broker.counters.refusedConnects).toBe(1);
    for (const socket of sockets) socket.destroy();
  });

  it('should let a burst pass and close a device that goes on', async () => {
    await start({ messagesPerSecond: 1, messageBurst: 3 });
    const client = await connect('demo/a');
    const topic = 'fleet/1/demo/a/up/hello';
    for (let i = 0; i < 3; i++) await publish(client, topic, String(i));
    await expect(publish(client, topic, '3')).rejects.toThrow();
    expect(received.length).toBe(3);
    expect(broker.counters.droppedForRate).toBe(1);
  });

  it('should bound the unacknowledged messages of a device', async () => {
    await start({ maxInFlight: 2 });
    onMessage = () => {};
    const client = await connect('demo/a');
    const gone = closed(client);
    for (let i = 0; i < 3; i++) client.publish('fleet/1/demo/a/up/hello', 'x', { qos: 1 });
    await gone;
    expect(broker.counters.droppedForInFlight).toBe(1);
  });
});
