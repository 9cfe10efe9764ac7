/** The database stands still under a running edge: real sockets, real Postgres, with shorter times than in production. */
import { createConnection, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { encode } from '@tinyfleet/wire';
import mqtt from 'mqtt';
import { generate } from 'mqtt-packet';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';

const parkMs = 3_000;
const retryMs = 100;
const patience = { timeoutMs: 30_000 };
const pipelined = 50;

describe('a database that stands still', () => {
  let fleet: FleetHarness;
  let release: SeededRelease;
  let tokens: Map<string, string>;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    tokens = await fleet.register(['agent', 'foreign', 'cached', 'hasty']);
    release = await fleet.release(20_000);
    await fleet.startEdge({
      ingest: { parkMs, retryMs },
      broker: { credentialTtlMs: 1, credentialWaitMs: 200 },
    });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await unlock();
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const device = (name: string, keepalive = 60) =>
    ScriptedDevice.connect({ port: fleet.port, name, token: tokens.get(name)!, client: { keepalive } });

  /** Nobody can write windows or read credentials until it is released. */
  let unlock = (): Promise<void> => Promise.resolve();
  async function stall(): Promise<void> {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let locked = (): void => {};
    const isLocked = new Promise<void>((resolve) => (locked = resolve));
    const holding = fleet.database.transaction(async (tx) => {
      await tx.query('lock table telemetry_batch, device_credential in access exclusive mode');
      locked();
      await released;
    });
    await isLocked;
    unlock = async () => {
      release();
      await holding;
    };
  }

  it('should park, answer pings, send everybody away at last, and lose nothing that it acknowledged', async () => {
    const agent = await device('agent');
    await (await device('cached')).client.endAsync();
    await stall();
    // Our agent has one message in flight: its pings pass.
    const parked = agent.window(release.digest).then(
      () => 'acknowledged',
      () => 'closed',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const pong = new Promise<void>((resolve) =>
      agent.client.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve()),
    );
    agent.client.sendPing();
    await pong;
    // Who was let in before is let in, though nobody can be looked up; it pipelines without waiting for an acknowledgement.
    const cached = await device('cached');
    const socket = await pipeline(cached);
    await eventually(() => expect(agent.client.connected).toBe(false), patience);
    await eventually(() => expect(socket.destroyed).toBe(true), patience);
    expect(fleet.edge.ingest.batcher.isAway).toBe(true);
    expect(fleet.edge.ingest.batcher.queued).toBe(0);
    // It has asked the database meanwhile, and was not answered.
    await new Promise((resolve) => setTimeout(resolve, 5 * retryMs));
    await expect(device('agent')).rejects.toMatchObject({ code: 3 });
    expect(fleet.edge.broker.refusals.count('mqtt.database-away')).toBe(1);
    await unlock();
    await eventually(() => expect(fleet.edge.ingest.batcher.isAway).toBe(false), patience);
    expect(await Promise.race([parked, Promise.resolve('open')])).not.toBe('acknowledged');
    // What was given back comes again, and counts once.
    const again = await pipeline(await device('foreign'), 'foreign');
    await eventually(async () => expect(await rows()).toEqual([{ rows: pipelined }]), patience);
    again.destroy();
    cached.client.end(true);
  }, 60_000);

  it('should refuse to take messages of a device that its pings would not keep', async () => {
    const hasty = mqtt.connect(`mqtt://127.0.0.1:${fleet.port}`, {
      ...{ clientId: 'demo/hasty', username: 'demo/hasty', password: tokens.get('hasty')! },
      ...{ keepalive: 59, reconnectPeriod: 0 },
    });
    await new Promise<void>((resolve) => hasty.once('connect', () => resolve()));
    const closed = new Promise<void>((resolve) => hasty.once('close', () => resolve()));
    hasty.publish('fleet/1/demo/hasty/up/telemetry', Buffer.of(0), { qos: 1 });
    await closed;
    hasty.end(true);
    expect(fleet.edge.broker.refusals.count('mqtt.keepalive-too-short')).toBe(1);
    const patient = await device('hasty', 60);
    await patient.publish('telemetry', Buffer.of(0));
    expect(patient.client.connected).toBe(true);
    await patient.client.endAsync();
  });

  const rows = () =>
    fleet.database.query(
      `select count(*)::int as rows from telemetry_window w join device d on d.id = w.device_id where d.name = 'foreign'`,
    );

  /** A raw socket of a device that sends many windows at once. */
  async function pipeline(of: ScriptedDevice, name = 'cached'): Promise<Socket> {
    const messages = Array.from({ length: pipelined }, () =>
      encode('telemetry', of.windowMessage(release.digest)),
    );
    of.client.end(true);
    const socket = createConnection({ host: '127.0.0.1', port: fleet.port });
    sockets.push(socket);
    socket.on('error', () => {});
    const id = `demo/${name}`;
    socket.write(
      generate({
        ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 60 },
        ...{ clientId: id, username: id, password: Buffer.from(tokens.get(name)!) },
      }),
    );
    await new Promise((resolve) => socket.once('data', resolve));
    const topic = `fleet/1/${id}/up/telemetry`;
    const packets = messages.map((payload, i) =>
      generate({
        ...{ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1 as const, messageId: i + 1 },
        ...{ dup: false, retain: false },
      }),
    );
    socket.write(Buffer.concat(packets));
    return socket;
  }
});
