/** Windows out to lines and back, each once; and sums that are made anew from windows are what folding made. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  PgAuditLog,
  PgDeviceDirectory,
  PgIngestStore,
  PgRollupStore,
  PgTelemetryReader,
} from '@tinyfleet/storage';
import {
  BackfillService,
  backfillLimits,
  defaultWindowPolicy,
  type BackfillLimits,
} from '@tinyfleet/telemetry';
import { eventually } from '@tinyfleet/testing';
import { packHistogram, packPicks } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';

const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const vectors = new URL('../../../../../firmware-stubs/vectors/window.json', import.meta.url);

describe('backfill', () => {
  let fleet: FleetHarness;
  let release: SeededRelease;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    const tokens = await fleet.register(['a', 'b']);
    release = await fleet.release(1_000);
    await fleet.startEdge();
    for (const name of ['a', 'b'])
      devices.push(await ScriptedDevice.connect({ port: fleet.port, name, token: tokens.get(name)! }));
  });
  afterAll(async () => {
    for (const device of devices) device.end();
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  const service = (limits: Partial<BackfillLimits> = {}) =>
    new BackfillService(
      {
        directory: new PgDeviceDirectory(fleet.database),
        ingest: new PgIngestStore(fleet.database, defaultWindowPolicy),
        rollups: new PgRollupStore(fleet.database),
      },
      async (work) => fleet.database.transaction(async (tx) => work({ audit: new PgAuditLog(tx) })),
      { ...backfillLimits, ...limits },
    );
  async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
    // A multi-byte character may lie on the border of two chunks.
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += 1_000)
      yield await Promise.resolve(bytes.subarray(at, at + 1_000));
  }
  const add = async (text: string, limits?: Partial<BackfillLimits>) =>
    await service(limits).add('token:test', fleet.scope, bytesOf(text));
  const exported = async (query: { device?: string; from?: string; to?: string } = {}): Promise<string> => {
    let text = '';
    for await (const lines of await new PgTelemetryReader(fleet.database).exportLines(fleet.scope, query))
      text += lines;
    return text;
  };
  const folded = async (): Promise<void> =>
    await eventually(async () => {
      expect(await fleet.database.query('select id from telemetry_batch where folded_at is null')).toEqual(
        [],
      );
    });
  /** All that is made of windows, without when and in which batch they came. */
  const stored = async () => {
    await folded();
    const rows = async (table: string, without: string, order: string) =>
      await fleet.database.query(
        `select (to_jsonb(t) ${without})::text as row from ${table} t where project_id = $1 order by ${order}`,
        [fleet.projectId],
      );
    return {
      windows: await rows(
        'telemetry_window',
        `- 'batch_id' - 'received_at'`,
        'device_id, boot_id, seq, window_start',
      ),
      hours: await rows('rollup_hour', '', 'hour, model_version_id, schema_crc'),
      days: await rows('rollup_device_day', '', 'device_id, day, model_version_id, schema_crc'),
      spans: await rows('rollup_span', '', 'part, member, span_h, at, model_version_id, schema_crc'),
      devices: await rows('device_count_day', '', 'day, model_version_id'),
      predictions: await rows('prediction', `- 'noted_at'`, 'device_id, boot_id, inference_index'),
    };
  };

  it('should take back what it has given, each window once, as it was', async () => {
    const [a, b] = devices as [ScriptedDevice, ScriptedDevice];
    // Of a boot that nobody knows the time of.
    await b.window(release.digest, { startMs: 7_000 });
    await a.hello();
    const feature = {
      histogram: packHistogram([...Array<number>(15).fill(0), 10]),
      n: 10,
      sum: -7,
      sumSquares: 99,
      min: -3,
      max: 5,
    };
    await a.window(release.digest, {
      ...{
        startUnixMs: Date.now() - 3 * dayMs,
        features: [feature, feature],
        ood: packHistogram([10, ...Array<number>(15).fill(0)]),
      },
      ...{
        schema: 77,
        switches: 1,
        cyclesMean: 1_000,
        cyclesMax: 2_000,
        arenaBytes: 900,
        batteryPercent: 50,
        resets: 1,
      },
      ...{
        firstIndex: 100,
        picks: packPicks([
          { offset: 2, predicted: 1, confidence: 200 },
          { offset: 9, predicted: 0, confidence: 3 },
        ]),
      },
    });
    // Placed by the clock of its boot.
    await a.window(release.digest, { startMs: 1 });
    const {
      build,
      bootId,
      classes: _,
      ...rest
    } = a.windowMessage(release.digest, { startUnixMs: Date.now() });
    await a.publish(
      'telemetry.json',
      JSON.stringify({
        ...rest,
        ...{ build: Buffer.from(build).toString('base64'), bootId: bootId.toString(16).padStart(16, '0') },
        classes: [...Array<number>(7).fill(0), 6, ...Array<number>(7).fill(0), 4],
      }),
    );
    // As the device's own encoder packs them.
    const [golden] = JSON.parse(await readFile(vectors, 'utf8')) as {
      message: string;
      features: unknown[];
    }[];
    await a.publish('telemetry', Buffer.from(golden!.message, 'hex'));
    const before = await stored();
    expect(before.windows).toHaveLength(5);
    expect(before.windows.filter(({ row }) => String(row).includes('"features": null'))).toHaveLength(3);
    // The hour may change between two of them.
    expect(before.hours.length).toBeGreaterThan(1);
    expect(before.days.length).toBeGreaterThan(1);
    expect(before.predictions).toHaveLength(2);

    const text = await exported();
    expect(text.trimEnd().split('\n')).toHaveLength(5);
    for (const table of [
      ...['telemetry_window', 'rollup_hour', 'rollup_span', 'rollup_device_day', 'device_count_day'],
      'prediction',
    ])
      await fleet.database.query(`delete from ${table} where project_id = $1`, [fleet.projectId]);
    expect(await add(text, { batch: 2 })).toEqual({
      lines: 5,
      stored: 5,
      duplicates: 0,
      refused: 0,
      errors: [],
    });
    expect(await stored()).toEqual(before);
    expect(await exported()).toBe(text);
    expect(await add(`\n${text}\n`)).toMatchObject({ lines: 5, stored: 0, duplicates: 5 });
    // And as a device sends it once more.
    expect(await stored()).toEqual(before);
  });

  it('should give only what is asked for', async () => {
    const devicesOf = async (query: Parameters<typeof exported>[0]) =>
      (await exported(query))
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { device: string }).device);
    expect(await devicesOf({ device: 'b' })).toEqual(['b']);
    expect(await devicesOf({ to: new Date(today - 2 * dayMs).toISOString() })).toHaveLength(
      2 + (await goldenBefore()),
    );
    expect(await devicesOf({ from: new Date(today + 2 * dayMs).toISOString() })).toEqual([]);
    await expect(exported({ device: 'nobody' })).rejects.toMatchObject({ code: 'registry.device-not-found' });
    const now = new Date().toISOString();
    await expect(exported({ from: now, to: now })).rejects.toMatchObject({ code: 'telemetry.range-invalid' });
  });
  /** The golden window says its own time, or none. */
  const goldenBefore = async (): Promise<number> => {
    const [row] = await fleet.database.query<{ n: number }>(
      `select count(*)::int as n from telemetry_window where model_version_id = '00000000-0000-0000-0000-000000000000' and window_start < $1`,
      [new Date(today - 2 * dayMs)],
    );
    return row!.n;
  };

  it('should say line by line what it refuses, and keep the rest', async () => {
    await fleet.database.query(
      `insert into project (id, name, window_s, pick_every) values ($1, 'other', 10, 0)`,
      [uuidv7()],
    );
    const line = (changes: object) =>
      JSON.stringify({
        ...{
          device: 'a',
          bootId: '00000000000000ab',
          sequence: 1,
          uptimeMs: 0,
          schema: 0,
          startMs: 0,
          lengthMs: 1_000,
          n: 10,
        },
        ...{ build: release.digest.subarray(0, 8).toString('base64'), startUnixMs: Date.now() },
        classes: [...Array<number>(7).fill(0), 6, ...Array<number>(7).fill(0), 4],
        ...changes,
      });
    const result = await add(
      [
        line({}),
        'no json',
        line({ device: 'nobody' }),
        line({ sequence: 2, startUnixMs: Date.now() - 32 * dayMs }),
        '',
        line({ sequence: 3, startUnixMs: Date.now() + 700_000 }),
        line({ sequence: 4, n: 11 }),
        line({ sequence: -1 }),
        'null',
        line({ sequence: 5, device: '../b' }),
        line({ sequence: 6 }),
      ].join('\r\n'),
    );
    expect(result).toMatchObject({ lines: 10, stored: 2, duplicates: 0, refused: 8 });
    expect(result.errors.map(({ line: number, device, code }) => [number, device, code])).toEqual([
      [2, null, 'telemetry.json-invalid'],
      [3, 'nobody', 'registry.device-not-found'],
      [4, 'a', 'telemetry.window-too-old'],
      [6, 'a', 'telemetry.window-in-future'],
      [7, 'a', 'telemetry.count-mismatch'],
      [8, null, 'wire.out-of-range'],
      [9, null, 'telemetry.json-invalid'],
      [10, null, 'telemetry.json-invalid'],
    ]);
    expect(await fleet.database.query('select * from ingest_refusal')).toEqual([]);
    const [entry] = await fleet.database.query(
      `select detail from audit where action = 'telemetry.backfilled' order by id desc limit 1`,
    );
    expect(entry).toEqual({ detail: { lines: 10, stored: 2, duplicates: 0, refused: 8 } });
  });

  it('should take so many lines and bytes at once and no more', async () => {
    expect(await add('{}\n{}\n', { lines: 2, errors: 1 })).toMatchObject({
      refused: 2,
      errors: [{ line: 1 }],
    });
    const tooLarge = { code: 'telemetry.backfill-too-large' };
    await expect(add('{}\n{}\n{}', { lines: 2 })).rejects.toMatchObject(tooLarge);
    expect(await add('{}\n{}', { bytes: 5 })).toMatchObject({ refused: 2 });
    await expect(add('{}\n{}\n', { bytes: 5 })).rejects.toMatchObject(tooLarge);
  });

  it('should make the sums of a day anew, also of what is not folded yet and of builds known since', async () => {
    const [a] = devices as [ScriptedDevice];
    const { database, projectId } = fleet;
    const unknown = Buffer.from('0102030405060708', 'hex');
    await a.window(unknown, { startUnixMs: today + 1 });
    await a.window(release.digest, { startUnixMs: today });
    const before = await stored();
    await database.query('update rollup_hour set n = n + 5');
    await database.query('update rollup_span set n = n + 5 where at >= $1', [new Date(today)]);
    await database.query('update device_count_day set devices = devices + 1 where day >= $1', [
      isoDay(today),
    ]);
    await database.query(`delete from rollup_device_day where project_id = $1 and day = $2`, [
      projectId,
      isoDay(today),
    ]);
    // Windows that wait: neither left out nor counted twice.
    await database.query(
      `with open as (
         insert into telemetry_batch (rows, window_min, window_max) select 1, window_start, window_start from telemetry_window
         where project_id = $1 and window_start = $2 returning id)
       update telemetry_window set batch_id = (select id from open) where project_id = $1 and window_start = $2`,
      [projectId, new Date(today)],
    );
    const rebuild = async (ms: number) => await service().rebuild('token:test', fleet.scope, isoDay(ms));
    const made = await rebuild(today);
    expect(made).toMatchObject({ day: isoDay(today), named: 0 });
    await rebuild(today - 3 * dayMs);
    await database.query(
      'update rollup_hour set n = n - 5 where not (hour >= $1 and hour < $2 or hour >= $3 and hour < $4)',
      [-3, -2, 0, 1].map((days) => new Date(today + days * dayMs)),
    );
    const named = await stored();
    expect(named.hours.map(({ row }) => nOf(row))).toEqual(before.hours.map(({ row }) => nOf(row)));
    expect(named.days).toEqual(before.days);
    expect(named.spans).toEqual(before.spans);
    expect(named.devices).toEqual(before.devices);

    // The prefix on the wire is of the digest.
    const [row] = await database.query<{ prefix: Buffer }>(
      `select build_prefix as prefix from telemetry_window where project_id = $1 and window_start = $2`,
      [projectId, new Date(today + 1)],
    );
    await database.query(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
       select project_id, $2, digest, model_version_id, type_id, classes, schema_crc from bundle_name where project_id = $1 limit 1`,
      [projectId, row!.prefix],
    );
    expect(await rebuild(today)).toMatchObject({ named: 1 });
    expect(await rebuild(today)).toMatchObject({ named: 0 });
    const [sum] = await database.query<{ n: number }>(
      `select sum(n)::int as n from rollup_device_day where project_id = $1 and day = $2`,
      [projectId, isoDay(today)],
    );
    const [all] = await database.query<{ n: number }>(
      `select sum(n)::int as n from telemetry_window where project_id = $1 and window_start >= $2
         and model_version_id <> '00000000-0000-0000-0000-000000000000'`,
      [projectId, new Date(today)],
    );
    expect(sum).toEqual(all);
  });

  it('should hold up neither who makes a day nor a sweep for longer than it must, and clear no sums without windows', async () => {
    const { database, projectId } = fleet;
    const lost = today - 6 * dayMs;
    const [a] = devices as [ScriptedDevice];
    await a.window(release.digest, { startUnixMs: lost + 1 });
    await folded();
    const held = await database.pool.connect();
    try {
      // A rebuild that waits for it has read all its windows.
      await held.query('begin');
      await held.query('lock table device_count_day in exclusive mode');
      const rebuilt = service().rebuild('token:test', fleet.scope, isoDay(lost));
      await eventually(async () => {
        const waiting = await database.query(
          `select from pg_locks where relation = 'device_count_day'::regclass and not granted`,
        );
        expect(waiting).toHaveLength(1);
      });
      await database.query(
        `select set_config('lock_timeout', '30s', true), ensure_telemetry_day('2001-01-01')`,
      );
      const raise = database.transaction(async (tx) => {
        await tx.execute(`set local lock_timeout = '100ms'`);
        await tx.execute('update retention_state set windows_from = windows_from where project_id = $1', [
          projectId,
        ]);
      });
      await expect(raise).rejects.toMatchObject({ code: '55P03' });
      await held.query('rollback');
      expect(await rebuilt).toMatchObject({ windows: 1 });
    } finally {
      held.release();
    }
    await database.query('delete from telemetry_window where project_id = $1 and window_start = $2', [
      projectId,
      new Date(lost + 1),
    ]);
    const before = await stored();
    await expect(service().rebuild('token:test', fleet.scope, isoDay(lost))).rejects.toMatchObject({
      code: 'telemetry.day-incomplete',
    });
    expect(await stored()).toEqual(before);
  });

  it('should not make sums of a day anew whose windows may be gone', async () => {
    await fleet.database.query(
      `insert into retention_state (project_id, windows_from) values ($1, $2) on conflict (project_id) do update set windows_from = $2`,
      [fleet.projectId, new Date(today - 5 * dayMs)],
    );
    const rebuild = async (age: number) =>
      await service().rebuild('token:test', fleet.scope, isoDay(today - age * dayMs));
    expect(await rebuild(4)).toMatchObject({ windows: 0 });
    await expect(rebuild(5)).rejects.toMatchObject({
      code: 'telemetry.day-incomplete',
      data: { day: isoDay(today - 5 * dayMs), from: isoDay(today - 4 * dayMs) },
    });
  });
});

const nOf = (row: unknown): number => (JSON.parse(String(row)) as { n: number }).n;
