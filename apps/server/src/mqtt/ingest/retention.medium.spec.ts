/** What is older than a project keeps it goes, in one turn of one leader, and what is gone is never counted again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import { Leader, PgAuditLog, PgRemovalStore, PgRetentionStore } from '@tinyfleet/storage';
import { RetentionService, retentionDefaults, type RetentionSettings } from '@tinyfleet/telemetry';
import { uuidv7 } from 'uuidv7';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';

const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const dayOf = (age: number): string => new Date(today - age * dayMs).toISOString().slice(0, 10);

describe('retention', () => {
  let fleet: FleetHarness;
  let release: SeededRelease;
  let device: ScriptedDevice;
  let deviceId: string;
  let retention: RetentionService;
  const other = uuidv7();

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    const { database } = fleet;
    const tokens = await fleet.register(['r']);
    release = await fleet.release(1_000);
    await database.query(`insert into project (id, name, window_s, pick_every) values ($1, 'other', 10, 0)`, [
      other,
    ]);
    const [row] = await database.query<{ id: string }>(`select id from device where name = 'r'`);
    deviceId = row!.id;
    retention = new RetentionService(
      new PgRetentionStore(database),
      async (work) =>
        database.transaction(async (tx) =>
          work({ retention: new PgRetentionStore(tx), audit: new PgAuditLog(tx) }),
        ),
      31,
    );
    await fleet.startEdge();
    device = await ScriptedDevice.connect({ port: fleet.port, name: 'r', token: tokens.get('r')! });
    await device.hello();
  });
  afterAll(async () => {
    device?.end();
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  /** So many windows of that day, a second apart. */
  const windows = async (projectId: string, age: number, count: number) => {
    await fleet.database.query('select ensure_telemetry_day($1::date)', [dayOf(age)]);
    await fleet.database.query(
      `insert into telemetry_window (project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component,
         time_known, model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes)
       select $1, $2, 99, i, $3::date + i * interval '1 second', 1000, 0, now(), 0, true, gen_random_uuid(), gen_random_uuid(), '',
         '\\x0102030405060708', 0, 1, 8, '\\x'
       from generate_series(0, $4::int - 1) as i`,
      [projectId, deviceId, `${dayOf(age)}T00:00:00Z`, count],
    );
  };
  const left = async (age: number): Promise<number[] | null> => {
    const table = `telemetry_window_${dayOf(age).replaceAll('-', '')}`;
    const [found] = await fleet.database.query<{ there: boolean }>(
      'select to_regclass($1) is not null as there',
      [table],
    );
    if (found?.there !== true) return null;
    const [row] = await fleet.database.query<{ own: number; others: number }>(
      `select count(*) filter (where project_id = $1)::int as own, count(*) filter (where project_id <> $1)::int as others from ${table}`,
      [fleet.projectId],
    );
    return [row!.own, row!.others];
  };
  const keep = async (settings: Partial<RetentionSettings>) => {
    await retention.set('token:test', fleet.scope, { ...retentionDefaults, ...settings });
    // As if it had been said long ago.
    await fleet.database.query(`update retention_settings set changed_at = now() - interval '1 hour'`);
  };

  it('should drop days that nobody keeps, empty those of one project, and remove rows where others keep theirs', async () => {
    for (const age of [32, 31]) await windows(other, age, 3);
    for (const age of [20, 16, 15]) await windows(fleet.projectId, age, 25);
    await windows(other, 20, 4);
    expect(await fleet.sweep()).toEqual({ windows: 3 });
    expect([await left(32), await left(31)]).toEqual([null, [0, 3]]);

    await retention.set('token:test', fleet.scope, { ...retentionDefaults, windowDays: 15 });
    // Edges may not know of it yet.
    expect(await fleet.sweep({ batchRows: 10 })).toEqual({});
    await keep({ windowDays: 15 });
    expect(await fleet.sweep({ batchRows: 10 })).toEqual({ windows: 50 });
    expect([await left(20), await left(16), await left(15)]).toEqual([
      [0, 4],
      [0, 0],
      [25, 0],
    ]);
    expect(await retention.get(fleet.scope)).toMatchObject({
      windowDays: 15,
      windowsFrom: `${dayOf(15)}T00:00:00.000Z`,
      removed: { windows: 50 },
    });
    const [told] = await fleet.database.query(
      `select data from event where type = 'telemetry.expired' and project_id = $1 order by number desc limit 1`,
      [fleet.projectId],
    );
    expect(told).toEqual({ data: { removed: { windows: 50 } } });
  });

  it('should refuse what may be gone, also after it is to be kept longer', async () => {
    await keep({ windowDays: null });
    const refused = async (): Promise<number> => {
      const [row] = await fleet.database.query<{ count: number }>(
        `select coalesce(sum(count), 0)::int as count from ingest_refusal where code = 'telemetry.window-too-old'`,
      );
      return row!.count;
    };
    await device.window(release.digest, { startUnixMs: today - 15 * dayMs - 1 });
    expect(await refused()).toBe(1);
    await device.window(release.digest, { startUnixMs: today - 15 * dayMs });
    expect(await refused()).toBe(1);
    expect(await left(15)).toEqual([26, 0]);
  });

  it('should keep each kind for its time and not a day longer', async () => {
    const { database, projectId } = fleet;
    const ids = { p: projectId, d: deviceId };
    const at = (age: number) => new Date(Date.now() - age * dayMs);
    /** One row that is over and one that is not, of each. */
    for (const over of [true, false]) {
      const than = (days: number): Date => at(days + (over ? 0.01 : -0.01));
      const thanDay = (days: number): string => dayOf(over ? days + 1 : days);
      const sums = `model_version_id, type_id, site, schema_crc, confidence_bins, windows, n, classes, counters`;
      const one = `gen_random_uuid(), gen_random_uuid(), '', 0, 8, 1, 1, '{}', '{}'`;
      await database.query(`insert into rollup_hour (project_id, hour, ${sums}) values ($1, $2, ${one})`, [
        ids.p,
        than(40),
      ]);
      await database.query(
        `insert into rollup_device_day (project_id, device_id, day, ${sums}) values ($1, $2, $3, ${one})`,
        [...[ids.p, ids.d, thanDay(41)]],
      );
      await database.query(
        `insert into accuracy_hour (project_id, model_version_id, type_id, site, hour, label, predicted, confidence_bin, n, confidence_sum)
         values ($1, gen_random_uuid(), gen_random_uuid(), '', $2, 0, 0, 0, 1, 1)`,
        [ids.p, than(40)],
      );
      const spans = `model_version_id, schema_crc, confidence_bins, windows, n, classes, counters`;
      await database.query(
        `insert into rollup_span (project_id, part, member, span_h, at, ${spans})
         values ($1, 'site', 'a', 1, $2, gen_random_uuid(), 0, 8, 1, 1, '{}', '{}')`,
        [ids.p, than(40 + 1 / 24)],
      );
      await database.query(
        `with version as (select gen_random_uuid() as id), span as (
           insert into accuracy_span select $1, 1, $2::timestamptz, id, 1, 1, 0 from version
         ), cell as (
           insert into accuracy_cell select $1, 1, $2::timestamptz, id, 0, 0, 1, 1 from version
         ) insert into confusion_day select $1, id, $3::timestamptz, 0, 0, 1 from version`,
        [ids.p, than(40 + 1 / 24), than(41)],
      );
      await database.query(
        `insert into prediction (project_id, device_id, boot_id, inference_index, at, label, noted_at)
         values ($1, $2, 1, $3, $4, null, now()), ($1, $2, 2, $3, null, 1, $4)`,
        [ids.p, ids.d, over ? 1 : 2, than(5)],
      );
      await database.query(
        `insert into label_task (project_id, device_id, boot_id, inference_index, reason, state, created_at)
         values ($1, $2, 1, $3, 'asked', 'done', $4)`,
        [ids.p, ids.d, over ? 1 : 2, than(5)],
      );
      await database.query(
        `insert into ingest_refusal (project_id, device_id, day, code, count, last_at) values ($1, $2, $3, 'x', 1, now())`,
        [ids.p, ids.d, thanDay(3)],
      );
      await database.query(
        `insert into device_error (project_id, device_id, day, code, number, count, first_at, last_at)
         values ($1, $2, $3, 502, 502, 1, now(), now())`,
        [ids.p, ids.d, thanDay(3)],
      );
      await database.query(
        `insert into alert (project_id, number, kind, state, severity, scope, subject, title, evidence, incident, released, opened_at, last_seen_at, resolved_at)
         values ($1, $2, 'drift', 'resolved', 'warning', 'device', 'd', 't', '{}', '{}', true, now(), now(), $3),
           ($1, $2 + 10, 'drift', $4, 'warning', 'device', $4 || $2, 't', '{}', '{}', false, now(), now(), $3)`,
        [ids.p, over ? 1 : 2, than(9), 'open'],
      );
    }
    // A boot that is over, one that was followed too late, and the newest.
    await database.query(
      `insert into boot_clock (project_id, device_id, boot_id, offset_ms, known, created_at)
       values ($1, $2, 1, 1, true, $3), ($1, $2, 2, 1, true, $4), ($1, $2, 3, 1, true, $5)`,
      [ids.p, ids.d, at(60), at(50), at(20)],
    );
    await keep({ hourDays: 40, deviceDayDays: 41, refusalDays: 3, predictionDays: 5, alertDays: 9 });
    expect(await fleet.sweep({ batchRows: 1 })).toEqual({
      ...{
        // And those of spans of an hour; of labels three.
        hours: 2,
        accuracyHours: 4,
        deviceDays: 1,
        predictions: 2,
        labelTasks: 1,
        // And an error that the device reported.
        refusals: 2,
        alerts: 1,
        boots: 1,
      },
    });
    expect(await fleet.sweep()).toEqual({});
    expect(await database.query('select count(*)::int as left from device_error')).toEqual([{ left: 1 }]);
    const boots = await database.query(
      `select boot_id::int from boot_clock where device_id = $1 and boot_id < 4 order by 1`,
      [ids.d],
    );
    expect(boots).toEqual([{ boot_id: 2 }, { boot_id: 3 }]);
  });

  it('should leave a day for later that somebody reads, and remove nothing without the lead', async () => {
    const { database } = fleet;
    await windows(other, 33, 1);
    const reader = await database.pool.connect();
    try {
      await reader.query('begin');
      await reader.query('select count(*) from telemetry_window');
      expect(await fleet.sweep()).toEqual({});
      await reader.query('rollback');
    } finally {
      reader.release();
    }
    expect(await left(33)).toEqual([0, 1]);
    expect(await fleet.sweep()).toEqual({ windows: 1 });
    expect(await left(33)).toBeNull();
    const idle = new PgRemovalStore(database, new Leader(database, 'retention'));
    await expect(idle.remove('hours', [], 1)).rejects.toMatchObject({ code: 'storage.lead-lost' });
  });

  it('should remove windows of unknown time by their arrival', async () => {
    await fleet.database.query('select ensure_telemetry_day($1::date)', ['1970-01-01']);
    await fleet.database.query(
      `insert into telemetry_window (project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component,
         time_known, model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes)
       select $1, $2, 5, i, '1970-01-01T00:00:01Z', 1000, 0, now() - i * interval '30.5 days', 0, false, gen_random_uuid(), gen_random_uuid(), '',
         '\\x0102030405060708', 0, 1, 8, '\\x'
       from generate_series(1, 2) as i`,
      [fleet.projectId, deviceId],
    );
    expect(await fleet.sweep()).toEqual({ windows: 1 });
  });

  it.each<[Partial<RetentionSettings>, boolean]>([
    [{ windowDays: 31, hourDays: 31, deviceDayDays: 31 }, true],
    [{ windowDays: 32 }, false],
    [{ hourDays: 30 }, false],
    [{ deviceDayDays: 30 }, false],
    [{ windowDays: 7, hourDays: 7, deviceDayDays: null }, true],
    [{ windowDays: 7, hourDays: 6 }, false],
  ])('should take only what can hold: %j', async (settings, isTaken) => {
    const setting = retention.set('token:test', fleet.scope, { ...retentionDefaults, ...settings });
    if (isTaken) expect((await setting).settings).toMatchObject(settings);
    else await expect(setting).rejects.toBeInstanceOf(FleetError);
  });
});
