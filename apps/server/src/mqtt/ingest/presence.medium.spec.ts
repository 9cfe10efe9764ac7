import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PgPresenceStore, PgRollupStore, PgTelemetryReader } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import type { PresenceChange } from '@tinyfleet/telemetry';
import { FleetHarness } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';
import { presenceDefaults } from './presence.js';

describe('presence', () => {
  let fleet: FleetHarness;
  let store: PgPresenceStore;
  let tokens: Map<string, string>;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    tokens = await fleet.register(['hourly', 'sleeper', 'stray', 'late', 'known', 'quick', 'liar', 'steady']);
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    store = new PgPresenceStore(fleet.database);
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.end();
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  async function connect(name: string): Promise<ScriptedDevice> {
    const device = await ScriptedDevice.connect({ port: fleet.port, name, token: tokens.get(name)! });
    devices.push(device);
    return device;
  }
  interface Row {
    connected: boolean;
    waitS: number;
    usual: number | null;
    duty: number | null;
    lostAfterS: number;
  }
  const rowOf = async (name: string): Promise<Row | undefined> => {
    const [row] = await fleet.database.query<Row>(
      `select connected, extract(epoch from next_contact_by - last_seen_at)::float8 as "waitS", usual_gap_s as usual,
         duty_cycle_s as duty, extract(epoch from lost_at - next_contact_by)::float8 as "lostAfterS"
       from presence p join device d on d.id = p.device_id where d.name = $1`,
      [name],
    );
    return row;
  };
  const away = async (name: string): Promise<Row> =>
    eventually(async () => {
      const row = await rowOf(name);
      expect(row?.connected).toBe(false);
      return row!;
    });
  const present = async (name: string): Promise<Row> =>
    eventually(async () => {
      const row = await rowOf(name);
      expect(row?.connected).toBe(true);
      return row!;
    });
  /** As if the device had been heard of last so long ago. */
  const age = (name: string, seconds: number) =>
    fleet.database.query(
      `update presence p set last_seen_at = p.last_seen_at - make_interval(secs => $2),
         next_contact_by = p.next_contact_by - make_interval(secs => $2), lost_at = p.lost_at - make_interval(secs => $2)
       from device d where d.id = p.device_id and d.name = $1`,
      [name, seconds],
    );
  const presenceOf = async (name: string) => (await fleet.stores.devices.get(fleet.scope, name)).presence;
  const visit = async (name: string): Promise<Row> => {
    const device = await connect(name);
    await present(name);
    device.end();
    return away(name);
  };

  it('should wait three times the usual gap of a device that declared nothing', async () => {
    // With windows of 10 s the wait of a stranger is the least one.
    expect((await visit('hourly')).waitS).toBeCloseTo(120 * 1.1 + 5, 0);
    await age('hourly', 3_600);
    const known = await visit('hourly');
    expect(known.usual).toBeGreaterThan(3_599);
    expect(known.waitS / (3 * known.usual! * 1.1 + 5)).toBeCloseTo(1, 3);
    expect(known.lostAfterS).toBeCloseTo(10 * known.waitS, -2);
    // One long absence among usual ones weighs a quarter.
    await age('hourly', 7_200);
    expect((await visit('hourly')).usual! / 4_500).toBeCloseTo(1, 2);
  });

  it('should let a sleeper sleep as long as it declared, also through a restart of ours', async () => {
    const device = await connect('sleeper');
    await device.hello({ dutyCycleS: 600 });
    await present('sleeper');
    device.end();
    expect(await away('sleeper')).toMatchObject({
      duty: 600,
      waitS: expect.closeTo(600 * 1.25 * 1.1 + 5, 0),
    });
    expect(await presenceOf('sleeper')).toBe('sleeping');
    await fleet.stopEdge();
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    expect(await presenceOf('sleeper')).toBe('sleeping');
    await age('sleeper', 900);
    expect(await presenceOf('sleeper')).toBe('silent');
    await age('sleeper', 86_400 + 900);
    expect(await presenceOf('sleeper')).toBe('lost');
  });

  it('should write down the others when a device declares a duty cycle that no table holds', async () => {
    const liar = await connect('liar');
    await liar.hello({ dutyCycleS: 0xffff_ffff });
    await visit('quick');
    liar.end();
    expect(await away('liar')).toMatchObject({ duty: presenceDefaults.maxDutyS });
  });

  it('should count a wake that is over before it is written', async () => {
    await visit('quick');
    await age('quick', 1_000);
    const device = await connect('quick');
    device.end();
    await eventually(async () => expect((await rowOf('quick'))?.usual).toBeGreaterThan(999));
  });

  it('should tell once that devices fell silent, however many did at the same moment', async () => {
    await visit('stray');
    await visit('late');
    await fleet.stopEdge();
    await fleet.database.query(
      `update presence set next_contact_by = now() + interval '300 ms'
       where device_id in (select id from device where name in ('stray', 'late'))`,
    );
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    const told = async () =>
      fleet.database.query<{ device: string }>(
        `select x ->> 'device' as device from event e, jsonb_array_elements(e.data -> 'devices') x
         where e.type = 'presence.changed' and x ->> 'presence' = 'silent' order by 1`,
      );
    await eventually(async () => expect(await told()).toEqual([{ device: 'late' }, { device: 'stray' }]));
    await fleet.stopEdge();
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await told()).toHaveLength(2);
  });

  it('should stop the clocks while we were away ourselves, and learn no gap from it', async () => {
    await visit('known');
    await fleet.stopEdge();
    // We were gone for an hour, beginning when the device had a minute left.
    await fleet.database.query(`update edge_pulse set alive_at = now() - interval '1 hour'`);
    await age('known', 3_600 + 60);
    expect(await presenceOf('known')).toBe('silent');
    await store.begin(15);
    await store.applyOutages();
    expect(await presenceOf('known')).toBe('pending');
    const before = await rowOf('known');
    await store.applyOutages();
    expect(await rowOf('known')).toEqual(before);
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    await connect('known');
    expect((await present('known')).usual).toBeCloseTo(60, -1);
  });

  it('should keep when a device was connected, through a restart of ours, and let it go with the events', async () => {
    const reader = new PgTelemetryReader(fleet.database);
    const kept = async (days = 1) => reader.connections(fleet.scope, 'steady', days);
    expect(await kept()).toMatchObject({ isConnected: false, connections: [], recordedFrom: null });
    await visit('steady');
    await connect('steady');
    await present('steady');
    const { connections, isConnected, recordedFrom, to } = await kept();
    expect(isConnected).toBe(true);
    expect(connections).toHaveLength(2);
    expect(recordedFrom).toBe(connections[0]!.from);
    expect(connections[0]!.to <= connections[1]!.from).toBe(true);
    expect(connections[1]!.to).toBe(to);
    // The edge dies: nobody writes that the connection ended.
    await fleet.stopEdge();
    await fleet.database.query(
      `update connection c set began_at = c.began_at - interval '2 hours', ended_at = null
       from device d where d.id = c.device_id and d.name = 'steady' and c.began_at > $1`,
      [connections[0]!.to],
    );
    await fleet.database.query(`update edge_pulse set alive_at = now() - interval '1 hour'`);
    await fleet.startEdge({ presence: { gatherMs: 20, pulseMs: 100 } });
    const after = await kept();
    const hourAgo = Date.parse(after.to) - 3_600_000;
    expect(after.outages.length).toBeGreaterThan(0);
    expect(Math.abs(Date.parse(after.connections[0]!.to) - hourAgo)).toBeLessThan(120_000);
    // Both before the range: what was cut off there does not go on in it.
    await fleet.database.query('delete from connection where ended_at is not null');
    await fleet.database.query(`update connection set began_at = began_at - interval '30 hours'`);
    await fleet.database.query(
      `update outage set started_at = started_at - interval '30 hours', ended_at = ended_at - interval '30 hours'`,
    );
    expect(await kept()).toMatchObject({ connections: [], outages: [] });
    await connect('steady');
    await present('steady');
    await fleet.database.query(
      `update connection c set began_at = c.began_at - interval '15 days', ended_at = c.ended_at - interval '15 days'
       from device d where d.id = c.device_id and d.name = 'steady'`,
    );
    await new PgRollupStore(fleet.database).maintain({ eventDays: 14 });
    const [left] = await fleet.database.query<{ n: number }>(
      `select count(*)::int as n from connection c join device d on d.id = c.device_id where d.name = 'steady'`,
    );
    // The newest one goes on.
    expect(left).toEqual({ n: 1 });
    await expect(reader.connections(fleet.scope, 'nobody', 1)).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
  });

  it('should write ten thousand reconnecting devices as one statement', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `many-${i}`);
    await fleet.register(names);
    const rows = await fleet.database.query<{ id: string; name: string }>(
      `select id, name from device where name like 'many-%'`,
    );
    const changes = rows.map(({ id, name }): PresenceChange => ({
      projectId: fleet.projectId,
      deviceId: id,
      device: name,
      connected: true,
      beganAtMs: Date.now(),
      connectedAtMs: Date.now(),
      lastSeenMs: Date.now(),
      dutyCycleS: undefined,
      defaultWaitS: 120,
      announce: true,
    }));
    await store.write(changes, presenceDefaults);
    const written = await fleet.database.query(
      `select count(*)::int as rows, count(distinct (p.xmin::text, p.cmin::text))::int as statements
       from presence p join device d on d.id = p.device_id where d.name like 'many-%'`,
    );
    expect(written).toEqual([{ rows: 10_000, statements: 1 }]);
    const events = await fleet.database.query<{ n: number }>(
      `select jsonb_array_length(data -> 'devices') as n from event where data -> 'devices' -> 0 ->> 'device' like 'many-%'`,
    );
    expect(events.map(({ n }) => n)).toEqual(Array.from({ length: 10 }, () => 1_000));
  });

  it('should write the contacts of others when a device is removed in the middle of it', async () => {
    await fleet.register(['leaver', 'stayer']);
    const ids = await fleet.database.query<{ id: string; name: string }>(
      `select id, name from device where name in ('leaver', 'stayer')`,
    );
    const contacts = ids.map(({ id, name }): PresenceChange => ({
      ...{ projectId: fleet.projectId, deviceId: id, device: name, connected: true, announce: false },
      ...{
        beganAtMs: undefined,
        connectedAtMs: Date.now(),
        lastSeenMs: Date.now(),
        dutyCycleS: 0,
        defaultWaitS: 60,
      },
    }));
    await store.write(contacts, presenceDefaults);
    await fleet.database.query(`update presence set connected = false where device_id = any($1::uuid[])`, [
      ids.map(({ id }) => id),
    ]);
    let writing: Promise<void> | undefined;
    await fleet.database.transaction(async (tx) => {
      await tx.query(`delete from device where name = 'leaver'`);
      writing = store.write(contacts, presenceDefaults);
      writing.catch(() => {});
      // Until it waits for the row that is about to go.
      await eventually(async () => {
        const [row] = await fleet.database.query<{ waits: boolean }>(
          'select exists (select from pg_locks where not granted) as waits',
        );
        expect(row?.waits).toBe(true);
      });
    });
    await writing;
    expect(await rowOf('leaver')).toBeUndefined();
    expect((await rowOf('stayer'))?.connected).toBe(true);
  });
});
