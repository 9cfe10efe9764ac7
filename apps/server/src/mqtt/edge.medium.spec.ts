import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { CredentialService, DeviceService, credentialDefaults } from '@tinyfleet/registry';
import { PgIngestStore, PgStores, PgTelemetryReader, transactOn, type Database } from '@tinyfleet/storage';
import { TelemetryPayload, type DeviceRecord } from '@tinyfleet/telemetry';
import { decode, encode, packHistogram, packPicks } from '@tinyfleet/wire';
import { FleetHarness, type SeededRelease } from '../../test/fleet-harness.js';
import { uuidv7 } from 'uuidv7';
import { ScriptedDevice, type ScriptedOptions } from '../../test/scripted-device.js';

describe('the edge on Postgres', () => {
  let fleet: FleetHarness;
  let tokens: Map<string, string>;
  let release: SeededRelease;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    tokens = await fleet.register(['a', 'b', 'c', 'd', 'e', 'f', 'nameless', 'attributes', 'logs']);
    release = await fleet.release(20_000);
    await fleet.startEdge();
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.end();
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  async function connect(name: string, options: Partial<ScriptedOptions> = {}): Promise<ScriptedDevice> {
    const device = await ScriptedDevice.connect({
      port: fleet.port,
      name,
      token: tokens.get(name)!,
      ...options,
    });
    devices.push(device);
    return device;
  }
  const one = async <T>(sql: string, values: unknown[] = []): Promise<T> =>
    Object.values((await fleet.database.query<Record<string, T>>(sql, values))[0]!)[0]!;
  const windowsOf = (name: string) =>
    one<number>(
      `select count(*)::int from telemetry_window w join device d on d.id = w.device_id where d.name = $1`,
      [name],
    );

  it('should answer every hello, also when there is nothing to do', async () => {
    const device = await connect('a');
    await device.hello();
    const desired = await device.nextDesired();
    expect(desired).toMatchObject({ revision: 0, deployment: 0, windowS: 10, pickEvery: 50 });
    expect(Math.abs(desired.serverTimeMs - Date.now())).toBeLessThan(2_000);
    expect(desired.manifest).toBeUndefined();
  });

  it('should keep what a hello said, and who is connected', async () => {
    const device = await connect('a');
    await device.hello({ firmwareVersion: '2.3.4' });
    const reported = await one<string>(
      `select r.firmware_version from device_report r join device d on d.id = r.device_id where d.name = 'a'`,
    );
    expect(reported).toBe('2.3.4');
    await eventually(async () => {
      expect(
        await one<boolean>(
          `select connected from presence p join device d on d.id = p.device_id where d.name = 'a'`,
        ),
      ).toBe(true);
    });
    device.end();
    await eventually(async () => {
      expect(
        await one<boolean>(
          `select connected from presence p join device d on d.id = p.device_id where d.name = 'a'`,
        ),
      ).toBe(false);
    });
  });

  it('should acknowledge a window when it is stored, and store it once', async () => {
    const device = await connect('b');
    await device.hello();
    const message = device.windowMessage(release.digest);
    const payload = encode('telemetry', message);
    await device.publish('telemetry', payload);
    expect(await windowsOf('b')).toBe(1);
    await device.publish('telemetry', payload);
    expect(await windowsOf('b')).toBe(1);
    expect(fleet.edge.ingest.counters.duplicates).toBeGreaterThanOrEqual(1);
  });

  it('should store a window once that a former process or another edge had stored', async () => {
    const device = await connect('b');
    await device.hello();
    const message = device.windowMessage(release.digest);
    await device.publish('telemetry', encode('telemetry', message));
    const before = await windowsOf('b');
    // It knows of no number that came, and takes all for new.
    const [row] = await fleet.database.query<DeviceRecord>(
      `select id as "deviceId", project_id as "projectId", type_id as "typeId", site from device where name = 'b'`,
    );
    const sourceOf = (sequence: number): TelemetryPayload =>
      new TelemetryPayload(row!, encode('telemetry', { ...message, sequence }), Date.now(), true);
    const batch = (...numbers: number[]) => ({
      ...{ hellos: [], states: [], refusals: [] },
      windows: numbers.map((i) => sourceOf(message.sequence + i)),
    });
    let transactions = 0;
    const counted = Object.create(fleet.database, {
      transaction: {
        value: (work: Parameters<Database['transaction']>[0]) => {
          transactions++;
          return fleet.database.transaction(work);
        },
      },
    }) as Database;
    const store = new PgIngestStore(counted);
    expect(await store.commit(batch(5, 0))).toMatchObject({ stored: 1, duplicates: 1 });
    expect(transactions).toBe(2);
    // From now on it is asked about each of its windows at once.
    expect(await store.commit(batch(7, 6, 6, 5))).toMatchObject({ stored: 2, duplicates: 2 });
    expect(transactions).toBe(3);
    expect(await windowsOf('b')).toBe(before + 3);
    await eventually(async () => {
      const [sums] = await fleet.database.query<{ open: number; n: string; folded: string }>(
        `select (select count(*)::int from telemetry_batch where folded_at is null) as open,
           (select sum(n)::text from telemetry_window w where w.device_id = $1) as n,
           (select sum(n)::text from rollup_device_day r where r.device_id = $1) as folded`,
        [row!.deviceId],
      );
      expect(sums).toMatchObject({ open: 0, folded: sums!.n });
    });
  });

  it('should store and show windows of a model that names no classes', async () => {
    const nameless = await fleet.release(3_000, {}, { classes: 0 });
    const device = await connect('nameless');
    await device.hello();
    // Such a device counts confidences of its one output.
    const classes = packHistogram([0, 0, 4, 6, 0, 0, 0, 0]);
    await device.window(nameless.digest, { classes });
    const reader = new PgTelemetryReader(fleet.database);
    const { items } = await reader.windows(fleet.scope, 'nameless', { limit: 10 });
    expect(items).toMatchObject([{ n: 10, classCounts: [], confidence: [] }]);
  });

  it('should place a window by the clock of its boot, and by the same one when it comes again later', async () => {
    const device = await connect('b');
    await device.hello();
    await device.window(release.digest, { startMs: 5_000 });
    const start = await one<Date>(
      `select max(window_start) from telemetry_window w join device d on d.id = w.device_id where d.name = 'b'`,
    );
    expect(Math.abs(start.getTime() - (Date.now() + 4_000))).toBeLessThan(5_000);
  });

  it('should keep windows of a boot that nobody knew the time of, apart', async () => {
    const device = await connect('c');
    await device.window(release.digest);
    const row = await fleet.database.query<{ window_start: Date; time_known: boolean }>(
      `select window_start, time_known from telemetry_window w join device d on d.id = w.device_id where d.name = 'c'`,
    );
    expect(row).toMatchObject([{ time_known: false }]);
    expect(row[0]!.window_start.getUTCFullYear()).toBe(1970);
    await device.hello();
    await device.window(release.digest);
    expect(
      await one<number>(
        `select count(*)::int from telemetry_window w join device d on d.id = w.device_id where d.name = 'c' and time_known`,
      ),
    ).toBe(0);
  });

  it('should take the stored history of a device that sends it all at once', async () => {
    const device = await connect('c');
    await device.hello();
    const before = await windowsOf('c');
    const now = Date.now();
    const windows = Array.from({ length: 1_500 }, (_, i) =>
      device.window(release.digest, { startUnixMs: now - i * 1_000 }),
    );
    await Promise.all(windows);
    expect((await windowsOf('c')) - before).toBe(1_500);
  });

  it('should take telemetry as JSON', async () => {
    const device = await connect('d');
    await device.hello();
    const { build, bootId: boot, classes: _, ...rest } = device.windowMessage(release.digest);
    await device.publish(
      'telemetry.json',
      JSON.stringify({
        ...rest,
        bootId: boot.toString(16).padStart(16, '0'),
        build: Buffer.from(build).toString('base64'),
        classes: [0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 4],
      }),
    );
    expect(await windowsOf('d')).toBe(1);
  });

  it('should acknowledge rubbish, count it and keep a sample', async () => {
    const device = await connect('d');
    await device.publish('hello', Buffer.alloc(0));
    await device.publish('telemetry', Buffer.from('rubbish'));
    await device.publish('nonsense', Buffer.of(1));
    await device.window(release.digest, { n: 11, startUnixMs: Date.now() });
    await device.window(release.digest, { startUnixMs: Date.now() - 32 * 86_400_000 });
    await device.window(release.digest, { startUnixMs: Date.now() + 700_000 });
    const rows = await fleet.database.query<{ code: string; sample: Buffer }>(
      `select code, sample from ingest_refusal r join device d on d.id = r.device_id where d.name = 'd' order by code`,
    );
    expect(rows.map(({ code }) => code)).toEqual(
      expect.arrayContaining([
        'telemetry.count-mismatch',
        'telemetry.topic-unknown',
        'telemetry.window-in-future',
        'telemetry.window-too-old',
      ]),
    );
    expect(rows.some(({ sample }) => sample.toString() === 'rubbish')).toBe(true);
    expect(await windowsOf('d')).toBe(1);
  });

  it('should keep a log of what devices report and of what was refused, by day', async () => {
    const device = await connect('logs');
    const say = async (error: number) => {
      const state = { ...device.envelope(), deployment: 0, revision: 0, updateState: 'failed' as const };
      await device.publish('state', encode('state', { ...state, error }));
    };
    for (const number of [502, 502, 60_000, 60_001]) await say(number);
    await device.publish('telemetry', Buffer.from('rubbish'));
    const reader = new PgTelemetryReader(fleet.database);
    const log = await reader.log(fleet.scope, 'logs', { limit: 10 });
    expect(log.nextCursor).toBeNull();
    const byDevice = { by: 'device', deployment: null };
    expect(log.items).toMatchObject([
      // Made up, or of a newer firmware: one line for all of them.
      { ...byDevice, code: 'unknown', number: 60_001, title: 'Error 60001', count: 2 },
      { ...byDevice, code: 'runtime.golden-mismatch', number: 502, count: 2 },
      { by: 'server', number: null, count: 1, deployment: null, firstAt: null },
    ]);
    expect(log.items[2]!.title).not.toBe(log.items[2]!.code);
    const pages = [];
    for (let cursor: string | undefined; ;) {
      const { items, nextCursor } = await reader.log(fleet.scope, 'logs', { limit: 1, cursor });
      pages.push(...items);
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    expect(pages).toEqual(log.items);
    await expect(reader.log(fleet.scope, 'nobody', { limit: 1 })).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
  });

  it('should fold every window into the rollups exactly once', async () => {
    const device = await connect('e');
    await device.hello();
    const at = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), new Date().getUTCDate());
    for (let i = 0; i < 5; i++) await device.window(release.digest, { startUnixMs: at + i });
    const payload = encode('telemetry', device.windowMessage(release.digest, { startUnixMs: at + 9 }));
    await Promise.all([device.publish('telemetry', payload), device.publish('telemetry', payload)]);
    await eventually(async () => {
      expect(
        await one<string>(
          `select sum(n)::text from rollup_device_day r join device d on d.id = r.device_id where d.name = 'e'`,
        ),
      ).toBe('60');
    });
    expect(
      await one<number>(`select count(*)::int from telemetry_batch where folded_at is null`),
    ).toBeLessThanOrEqual(1);
  });

  it('should join a label with its prediction, whichever comes first, and count it once', async () => {
    const device = await connect('f');
    await device.hello();
    const picks = packPicks([
      { offset: 2, predicted: 1, confidence: 200 },
      { offset: 5, predicted: 0, confidence: 180 },
    ]);
    const message = device.windowMessage(release.digest, { picks, firstIndex: 100, startUnixMs: Date.now() });
    const deviceId = await one<string>(`select id::text from device where name = 'f'`);
    const label = (index: number, value: number) =>
      fleet.database.query(
        `insert into prediction (project_id, device_id, boot_id, inference_index, label) values ($1, $2, $3, $4, $5)`,
        [fleet.projectId, deviceId, BigInt.asIntN(64, message.bootId), index, value],
      );
    await label(102, 1);
    await device.publish('telemetry', encode('telemetry', message));
    await device.publish('telemetry', encode('telemetry', message));
    const counted = await fleet.database.query(`select label, predicted, n::int from accuracy_hour`);
    expect(counted).toEqual([{ label: 1, predicted: 1, n: 1 }]);
    expect(await one<number>(`select predicted::int from prediction where inference_index = 105`)).toBe(0);
  });

  it('should count sequence numbers that never came', async () => {
    const device = await connect('a');
    await device.hello();
    device.envelope();
    device.envelope();
    await device.window(release.digest);
    await eventually(async () => {
      expect(
        await one<string>(
          `select gaps::text from device_report r join device d on d.id = r.device_id where d.name = 'a'`,
        ),
      ).toBe('2');
    });
    device.envelope();
    const state = { ...device.envelope(), deployment: 0, revision: 0, updateState: 'idle' as const };
    await device.publish('state', encode('state', state));
    // With the report itself, not with the next write of counts.
    const gaps = `select gaps::text from device_report r join device d on d.id = r.device_id where d.name = 'a'`;
    expect(await one<string>(gaps)).toBe('3');
  });

  it('should serve chunks of what is desired of this very device only', async () => {
    const other = await fleet.release(5_000);
    const device = await connect('a', { behaviour: 'mute' });
    await device.hello();
    await device.nextDesired();
    const got: number[] = [];
    device.client.on('message', (topic, payload) => {
      if (topic.endsWith('/chunk')) got.push(decode('chunk', payload).data.length);
    });
    const want = (digest: Buffer, offset: number, count: number, chunkBytes = 1_024) =>
      device.publish(
        'want',
        encode('want', { ...device.envelope(), transfer: digest.subarray(0, 8), offset, count, chunkBytes }),
      );
    await want(other.digest, 0, 4);
    await eventually(() => expect(fleet.edge.ota.counters.refusedWants).toBe(1));
    expect(got).toEqual([]);
    await fleet.database.query(
      `insert into desired_state (project_id, device_id, revision, deployment_number, release_id, digest)
       select $1, d.id, next_number($1, 'desired'), 1, r.id, $2 from device d, release r
       join release_artifact a on a.release_id = r.id and a.bundle_digest = $2 where d.name = 'a'`,
      [fleet.projectId, other.digest],
    );
    await want(other.digest, 4_096, 4);
    await eventually(() => expect(got).toEqual([904]));
    await want(other.digest, 0, 255);
    await eventually(() => expect(got.length).toBe(6));
    await want(other.digest, 5_000, 1);
    await want(other.digest, 0, 1, 65_000);
    await eventually(() => expect(got.at(-1)).toBeLessThanOrEqual(1_536));
    await fleet.database.query(`delete from desired_state`);
  });

  it('should drop a connected device within a second after it was removed', async () => {
    const names = await fleet.register(['leaver']);
    const device = await ScriptedDevice.connect({
      port: fleet.port,
      name: 'leaver',
      token: names.get('leaver')!,
    });
    const closed = new Promise<number>((resolve) =>
      device.client.once('close', () => resolve(performance.now())),
    );
    const started = performance.now();
    await fleet.database.transaction(async (tx) => {
      await tx.query(`delete from device where name = 'leaver'`);
      await tx.query(`select emit_event($1, 'device.removed', '{"device":"leaver"}')`, [fleet.projectId]);
    });
    expect((await closed) - started).toBeLessThan(1_000);
  });

  it('should drop a connected device within a second after it was suspended or retired, and refuse it then', async () => {
    const names = await fleet.register(['suspect', 'pensioner']);
    const transact = transactOn(fleet.database);
    const sealer = { sealKey: () => Buffer.alloc(0) };
    const registry = new DeviceService(transact, sealer, uuidv7);
    for (const [name, move] of [
      ['suspect', 'suspend'],
      ['pensioner', 'retire'],
    ] as const) {
      const options = { port: fleet.port, name, token: names.get(name)! };
      const device = await ScriptedDevice.connect(options);
      await device.hello();
      const closed = new Promise<number>((resolve) =>
        device.client.once('close', () => resolve(performance.now())),
      );
      const started = performance.now();
      const moved = await registry.move('test', fleet.scope, name, move);
      expect(moved.state).toBe(move === 'retire' ? 'retired' : 'suspended');
      expect((await closed) - started).toBeLessThan(1_000);
      await expect(ScriptedDevice.connect(options)).rejects.toThrow();
    }
    await expect(registry.move('test', fleet.scope, 'pensioner', 'resume')).rejects.toMatchObject({
      code: 'registry.state-invalid',
    });
    expect(await registry.move('test', fleet.scope, 'suspect', 'resume')).toMatchObject({ state: 'active' });
    await eventually(async () => {
      const again = { port: fleet.port, name: 'suspect', token: names.get('suspect')! };
      (await ScriptedDevice.connect(again)).end();
    });
  });

  describe('credentials', () => {
    const sealer = { sealKey: () => Buffer.of(1) };
    let credentials: CredentialService;
    beforeAll(() => {
      const { database, stores } = fleet;
      credentials = new CredentialService(stores.credentials, transactOn(database), sealer, uuidv7);
    });
    const connectWith = async (name: string, token: string) => {
      const device = await ScriptedDevice.connect({ port: fleet.port, name, token });
      devices.push(device);
      return device;
    };
    /** The broker hears of a new credential within a moment. */
    const soonWith = async (name: string, token: string) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return await connectWith(name, token);
    };
    afterEach(() => expect(fleet.errors).toEqual([]));
    const states = async (name: string) =>
      (await credentials.list(fleet.scope, name)).map(({ state }) => state);

    it('should take the old token during the overlap, and end it soon after the new one was used', async () => {
      const old = (await fleet.register(['rotor'])).get('rotor')!;
      const first = await connectWith('rotor', old);
      const { token } = await credentials.rotate('test', fleet.scope, 'rotor', { overlapSeconds: 3_600 });
      first.end();
      // The device has not heard of the new one yet.
      (await connectWith('rotor', old)).end();
      expect(await states('rotor')).toEqual(['active', 'ending']);
      const end = async () => Date.parse((await credentials.list(fleet.scope, 'rotor'))[1]!.expiresAt!);
      expect(await end()).toBeGreaterThan(Date.now() + 3_500_000);
      const second = await soonWith('rotor', token);
      await eventually(async () => expect(await end()).toBeLessThan(Date.now() + 601_000));
      expect(await end()).toBeGreaterThan(Date.now() + 590_000);
      // Firmware may fall back for so long.
      second.end();
      (await connectWith('rotor', old)).end();
      await fleet.database.query(
        'update device_credential set expires_at = now() where expires_at is not null and project_id = $1',
        [fleet.projectId],
      );
      await fleet.edge.broker.recheck('demo', 'rotor');
      await expect(connectWith('rotor', old)).rejects.toThrow();
      expect(await states('rotor')).toEqual(['active', 'expired']);
    });

    it('should end the old token at once without an overlap, and drop the connection that used it', async () => {
      const old = (await fleet.register(['hasty'])).get('hasty')!;
      const device = await connectWith('hasty', old);
      const closed = new Promise<number>((resolve) =>
        device.client.once('close', () => resolve(performance.now())),
      );
      const started = performance.now();
      const { token } = await credentials.rotate('test', fleet.scope, 'hasty', { overlapSeconds: 0 });
      expect((await closed) - started).toBeLessThan(1_000);
      await expect(connectWith('hasty', old)).rejects.toThrow();
      (await soonWith('hasty', token)).end();
    });

    it('should refuse a device that was away when it was revoked, also when nobody else is connected', async () => {
      const token = (await fleet.register(['absent'])).get('absent')!;
      (await connectWith('absent', token)).end();
      await eventually(() => expect(fleet.edge.broker.sessions.size).toBe(0));
      await credentials.revoke('test', fleet.scope, 'absent');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await expect(connectWith('absent', token)).rejects.toThrow();
    });

    it('should drop the live connection within a second of a revocation, and nobody else', async () => {
      const tokens = await fleet.register(['revoked', 'bystander']);
      const [device, other] = [
        await connectWith('revoked', tokens.get('revoked')!),
        await connectWith('bystander', tokens.get('bystander')!),
      ];
      const closed = new Promise<number>((resolve) =>
        device.client.once('close', () => resolve(performance.now())),
      );
      const started = performance.now();
      expect(await credentials.revoke('test', fleet.scope, 'revoked')).toBe(1);
      expect((await closed) - started).toBeLessThan(1_000);
      expect(other.client.connected).toBe(true);
      await expect(connectWith('revoked', tokens.get('revoked')!)).rejects.toThrow();
      const { id } = (await credentials.list(fleet.scope, 'bystander'))[0]!;
      await expect(credentials.revoke('test', fleet.scope, 'revoked', id)).rejects.toMatchObject({
        code: 'provisioning.credential-not-found',
      });
      const { token } = await credentials.rotate('test', fleet.scope, 'revoked', { overlapSeconds: 0 });
      (await soonWith('revoked', token)).end();
      other.end();
    });

    it('should hold as many live credentials as the limit and refuse one more', async () => {
      await fleet.register(['hoarder']);
      const rotate = () => credentials.rotate('test', fleet.scope, 'hoarder', { overlapSeconds: 60 });
      for (let i = 1; i < credentialDefaults.maxLive; i++) await rotate();
      expect((await states('hoarder')).filter((state) => state !== 'ending')).toEqual(['active']);
      await expect(rotate()).rejects.toMatchObject({ code: 'provisioning.credentials-too-many' });
      await credentials.revoke('test', fleet.scope, 'hoarder');
      await rotate();
    });

    it('should give a retired device no credential', async () => {
      await fleet.register(['retiree']);
      await new DeviceService(transactOn(fleet.database), sealer, uuidv7).move(
        'test',
        fleet.scope,
        'retiree',
        'retire',
      );
      await expect(
        credentials.rotate('test', fleet.scope, 'retiree', { overlapSeconds: 0 }),
      ).rejects.toMatchObject({ code: 'registry.state-invalid' });
      expect(await states('retiree')).toEqual(['revoked']);
    });
  });

  it('should make reported attributes of hello and telemetry, and count their versions', async () => {
    const device = await connect('attributes');
    await device.hello({ firmwareVersion: '2.10.0-rc.1', dutyCycleS: 60 });
    const stores = new PgStores(fleet.database);
    const reported = async () => (await stores.devices.detail(fleet.scope, 'attributes')).attributes.reported;
    expect(await reported()).toMatchObject({
      version: 1,
      values: { firmware: '2.10.0-rc.1', dutyCycleS: 60, abi: '1.0' },
    });
    expect(await stores.devices.get(fleet.scope, 'attributes')).toMatchObject({
      state: 'active',
      revision: 1,
    });
    await device.window(release.digest, { batteryPercent: 80, startMs: 5_000 });
    await eventually(async () => expect((await reported()).values['battery']).toBe(80));
    // An old window does not bring an old battery back.
    await device.window(release.digest, { batteryPercent: 95, startMs: 1_000 });
    await device.window(release.digest, { batteryPercent: 79, startMs: 9_000 });
    await eventually(async () => expect((await reported()).values['battery']).toBe(79));
    expect((await reported()).version).toBe(3);
    await device.hello({ firmwareVersion: '2.10.0-rc.1', dutyCycleS: 60 });
    expect((await reported()).version).toBe(3);
  });

  it('should lose nothing that it acknowledged while the database is away for 10 s', async () => {
    const device = await connect('b', { client: { keepalive: 60 } });
    await device.hello();
    const before = await windowsOf('b');
    let acknowledged = 0;
    let sent = 0;
    let stop = false;
    const sender = (async () => {
      while (!stop) {
        sent++;
        await device.window(release.digest, { startUnixMs: Date.now() });
        acknowledged++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 300));
    fleet.killPostgres();
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const during = acknowledged;
    await fleet.bouncePostgres(0);
    await eventually(() => expect(acknowledged).toBeGreaterThan(during + 5), { timeoutMs: 30_000 });
    stop = true;
    await sender;
    expect(during).toBeLessThan(sent);
    const stored = (await windowsOf('b')) - before;
    expect(stored).toBeGreaterThanOrEqual(acknowledged);
    expect(device.client.connected).toBe(true);
  }, 60_000);
});
