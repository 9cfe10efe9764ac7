/** Sums that the quality pages read against counting the rows, and what the pages' queries read: never a window of a long range. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import { DriftMapService, EstimateService, QualityService } from '@tinyfleet/quality';
import {
  PgAuditLog,
  PgEstimateStore,
  PgLabelQueueStore,
  PgQualityStore,
  PgRollupStore,
  PgTelemetryReader,
  type Database,
  type Db,
} from '@tinyfleet/storage';
import { packFeatures } from '@tinyfleet/telemetry';
import { packHistogram } from '@tinyfleet/wire';
import { startTestDatabase, type TestDatabase } from './test-database.js';

const uuid = (kind: number, i: number) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;
const [PROJECT, TYPE, MODEL] = [uuid(1, 1), uuid(2, 1), uuid(5, 1)];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DEVICES = 12;
const CLASSES = 2;
const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const scope: ProjectScope = projectScope(PROJECT, 'spans');

let test: TestDatabase;
let database: Database;
let rollups: PgRollupStore;
let sequence = 0;

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  rollups = new PgRollupStore(database);
  await database.query(`insert into project (id, name) values ($1, 'spans')`, [PROJECT]);
  await database.query(
    `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, 'wasm', true, '{}')`,
    [PROJECT, TYPE],
  );
  await database.query(
    `insert into device (project_id, id, name, type_id)
     select $1, ('${uuid(4, 0).slice(0, -2)}' || lpad(to_hex(i), 2, '0'))::uuid, 'd' || i, $2 from generate_series(0, $3::int - 1) i`,
    [PROJECT, TYPE, DEVICES],
  );
  const digest = Buffer.alloc(32, 1);
  await database.query(`insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'model', 1)`, [
    PROJECT,
    digest,
  ]);
  await database.query(`insert into model (project_id, id, name) values ($1, $2, 'kws')`, [PROJECT, MODEL]);
  for (const i of [0, 1]) {
    await database.query(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest, source_bytes,
         contract, inspection, labels, created_by)
       values ($1, $2, $3, $4, $4, 'tflite', 'kws.tflite', $5, 1, '{}', '{}', '{a,b}', 'test')`,
      [PROJECT, uuid(3, i), MODEL, `1.${i}.0`, digest],
    );
    await database.query(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
       values ($1, $2, $3, $4, $5, $6, 0)`,
      [PROJECT, Buffer.alloc(8, i + 1), Buffer.alloc(32, i + 1), uuid(3, i), TYPE, CLASSES],
    );
  }
  for (let day = -31; day <= 0; day++)
    await database.query('select ensure_telemetry_day($1::date)', [new Date(midnight + day * DAY_MS)]);
});
afterAll(async () => await test?.stop());

/** One batch of windows at these hours, of every device, from a version by its number; on two sites and two schemas. */
async function send(hours: readonly number[], { version = 0, schema = 0 } = {}): Promise<void> {
  const [batch] = await database.query<{ id: string }>(
    `insert into telemetry_batch (rows, window_min, window_max) values (0, $1, $2) returning id`,
    [new Date(midnight + Math.min(...hours) * HOUR_MS), new Date(midnight + Math.max(...hours) * HOUR_MS)],
  );
  const cells = Array.from({ length: CLASSES * 8 }, (_, i) => i);
  await database.query(
    `insert into telemetry_window (project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component,
       time_known, model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes, cycles_mean, cycles_max)
     select $1, d.id, 1, $2::bigint + h.i, $3::timestamptz + make_interval(hours => h.hour), 3600000, $4::bigint, now(), 0, true, $5, $6,
       'site-' || (ascii(right(d.name, 1)) % 2), $7, $8, 120, 8, $9, 100, 120
     from device d cross join unnest($10::int[]) with ordinality as h (hour, i) where d.project_id = $1`,
    [
      ...[
        PROJECT,
        sequence,
        new Date(midnight),
        batch!.id,
        uuid(3, version),
        TYPE,
        Buffer.alloc(8, version + 1),
      ],
      ...[schema, Buffer.from(packHistogram(cells)), hours],
    ],
  );
  sequence += hours.length;
}

async function foldAll(): Promise<void> {
  while (await rollups.fold(2));
}

/** What spans and counts of devices hold that does not equal the windows. */
async function wrong(): Promise<object[]> {
  return await database.query(
    `with rows as (
       select p.part, p.member, s.hours, date_bin(make_interval(hours => s.hours), w.window_start, to_timestamp(0)) as at,
         w.model_version_id, w.schema_crc, count(*) as windows, sum(w.n) as n, max(w.cycles_max) as cycles_max
       from telemetry_window w cross join (values (1), (6), (24)) as s (hours)
       cross join lateral (values ('all', ''), ('type', w.type_id::text), ('site', w.site)) as p (part, member)
       group by 1, 2, 3, 4, 5, 6
     ), days as (
       select (window_start at time zone 'UTC')::date as day, model_version_id, count(distinct device_id) as devices
       from telemetry_window group by 1, 2
     )
     select to_json(r) as row, to_json(x) as span from rows r full join rollup_span x
       on x.part = r.part and x.member = r.member and x.span_h = r.hours and x.at = r.at and x.model_version_id = r.model_version_id
       and x.schema_crc = r.schema_crc
     where (x.windows, x.n, x.cycles_max, x.class_counts) is distinct from
       (r.windows::bigint, r.n::bigint, r.cycles_max, array[28 * r.windows, 92 * r.windows]::bigint[])
     union all
     select to_json(d), to_json(c) from days d full join device_count_day c on c.day = d.day and c.model_version_id = d.model_version_id
     where c.devices is distinct from d.devices`,
  );
}

const SUMS = ['rollup_span', 'device_count_day', 'accuracy_span', 'accuracy_cell', 'confusion_day'];
/** Labels, hits and asked labels, as summed by each span and as counted. */
async function summed(): Promise<unknown> {
  const [row] = await database.query<{ of: number[][] }>(
    `select to_json(array_agg(array[labels, correct, asked] order by span_h)) as of from (
       select span_h, sum(labels) as labels, sum(correct) as correct, sum(asked) as asked from accuracy_span group by 1) as x`,
  );
  return row!.of;
}
async function counted(): Promise<unknown> {
  const [row] = await database.query<{ of: number[] }>(
    `select to_json(array[count(*) filter (where inference_index % 5 <> 0),
       count(*) filter (where inference_index % 5 <> 0 and label = predicted), count(*) filter (where inference_index % 5 = 0)]) as of
     from prediction where label is not null`,
  );
  return [row!.of, row!.of, row!.of];
}
const contents = async () =>
  await Promise.all(
    SUMS.map(
      async (name) => await database.query(`select to_jsonb(x)::text as row from ${name} x order by 1`),
    ),
  );

/** As for a database that has hours alone. */
async function migrateAgain(): Promise<void> {
  const migration = new URL('../src/postgres/migrations/0028-quality-spans.sql', import.meta.url);
  const sql = await readFile(migration, 'utf8');
  const made = [...sql.matchAll(/^create (table|function|index) ([a-z_]+)/gm)];
  for (const kind of ['index', 'table', 'function'])
    for (const [, , name] of made.filter((one) => one[1] === kind))
      await database.query(`drop ${kind} if exists ${name!} cascade`);
  await database.query(sql);
}

describe('spans', () => {
  it('should equal the windows: folded at once by two, of several schemas, late ones, and days of UTC', async () => {
    const month = Array.from({ length: 60 }, (_, i) => -30 * 24 + i * 12);
    await send(month);
    await send(month.slice(40), { version: 1 });
    await send([-25, -24, -1, 0], { version: 1, schema: 7 });
    await Promise.all([foldAll(), foldAll()]);
    expect(await wrong()).toEqual([]);
    // Late ones: into hours and days that were folded before, and into a day of their own.
    await send([-30 * 24, -30 * 24 + 1, -31 * 24]);
    await foldAll();
    expect(await wrong()).toEqual([]);
  });

  it('should equal the windows when the sums are written in many parts, and leave out what has too many bins', async () => {
    const parts = new PgRollupStore(database, undefined, { cells: 1_000, bins: CLASSES * 8 });
    await send([-700, -699, -676], { version: 1, schema: 8 });
    while (await parts.fold(2));
    expect(await wrong()).toEqual([]);
    const first = sequence;
    await send([-698]);
    const empty = [first, Buffer.of(0)];
    await database.query(
      'update telemetry_window set confidence_bins = 9, n = 0, classes = $2 where seq > $1',
      empty,
    );
    while (await parts.fold(2));
    expect(parts.oversized).toBe(DEVICES);
    await database.query('delete from telemetry_window where seq > $1', [first]);
    expect(await wrong()).toEqual([]);
  });

  it('should equal the labels, whichever side came first, and leave those apart that were asked for', async () => {
    const store = new PgQualityStore(database);
    const label = (i: number) => ({
      device: `d${i % DEVICES}`,
      bootId: 1n,
      inferenceIndex: i,
      label: i % CLASSES,
    });
    const picked = async (from: number, to: number) =>
      await database.query(
        `insert into prediction (project_id, device_id, boot_id, inference_index, at, model_version_id, type_id, site, predicted, confidence)
         select $1, d.id, 1, i, $2::timestamptz - make_interval(hours => i), $3, $4, '', (i / 3) % 2, (i * 7) % 256
         from generate_series($5::int, $6::int - 1) i join device d on d.project_id = $1 and d.name = 'd' || (i % $7::int)`,
        [PROJECT, new Date(midnight), uuid(3, 0), TYPE, from, to, DEVICES],
      );
    await picked(0, 200);
    await database.query(
      `insert into label_task (project_id, device_id, boot_id, inference_index, reason, state)
       select project_id, device_id, boot_id, inference_index, 'asked', 'open' from prediction where inference_index % 5 = 0`,
    );
    const all = Array.from({ length: 200 }, (_, i) => label(i));
    const added = await Promise.all([
      store.add(scope, all.slice(0, 150), { source: 'a', by: 'a' }),
      store.add(scope, all.slice(100).toReversed(), { source: 'b', by: 'b' }),
    ]);
    expect(added[0].accepted + added[1].accepted).toBe(200);
    expect(await summed()).toEqual(await counted());
    const queue = new PgLabelQueueStore(database);
    const mine = all.slice(0, 40).filter((one) => one.inferenceIndex % 5 === 0);
    const undone = await queue.undo(scope, mine, { by: 'a', seconds: 60 });
    expect(undone).toHaveLength(mine.length);
    expect(await summed()).toEqual(await counted());
    const [cells] = await database.query(
      `select (select sum(n) from accuracy_cell where span_h = 6) = (select sum(n) from confusion_day) as n,
         (select sum(correct) from accuracy_cell where span_h = 1) = (select sum(n) from confusion_day where label = predicted) as correct`,
    );
    expect(cells).toEqual({ n: true, correct: true });
    // Of part of a range: days from their sums, the hours around them from hours.
    const estimates = new EstimateService(new PgEstimateStore(database));
    const from = new Date(midnight - 100 * HOUR_MS).toISOString();
    const { accuracy, confusion } = await estimates.labelled(scope, { release: 'kws@1.0.0', from });
    expect(accuracy.n).toBe(80);
    expect(confusion.flat().reduce((a, b) => a + b)).toBe(80);
  });

  it('should be made of a database that has hours alone', async () => {
    const before = await contents();
    expect(before.every((rows) => rows.length > 0)).toBe(true);
    await migrateAgain();
    expect(await contents()).toEqual(before);
  });
});

describe('a version whose bundle is the very same as that of one before', () => {
  const build = async (of: number, bundle: number) =>
    await database.query(
      `insert into build (project_id, id, model_version_id, type_id, state, source_digest, options_digest, bundle_digest, bundle_bytes, created_by)
       values ($1, $2, $3, $4, 'succeeded', $5, $6, $5, 1, 'test')`,
      [
        PROJECT,
        uuid(6, 16 * of + bundle),
        uuid(3, of),
        TYPE,
        Buffer.alloc(32, bundle),
        Buffer.of(of, bundle),
      ],
    );
  const keptAs = async (release: string) =>
    (await new PgEstimateStore(database).versionOf(scope, release)).keptAs;

  beforeAll(async () => {
    await database.query(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest, source_bytes,
         contract, inspection, labels, created_by)
       select project_id, $2, model_id, '1.2.0', '1.2.0', format, file_name, source_digest, source_bytes, contract, inspection, labels, 'test'
       from model_version where project_id = $1 and id = $3`,
      [PROJECT, uuid(3, 2), uuid(3, 0)],
    );
    await database.query(`insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'bundle', 1)`, [
      ...[PROJECT, Buffer.alloc(32, 2)],
    ]);
    await build(0, 1);
    await build(1, 2);
  });

  it('should be answered with the windows and labels of that one, and no other', async () => {
    const estimates = new EstimateService(new PgEstimateStore(database));
    const drift = new DriftMapService(new PgEstimateStore(database));
    const ask = async (release: string) => {
      const [labelled, devices, map] = await Promise.all([
        estimates.labelled(scope, { release }),
        estimates.devices(scope, { release, days: 30, limit: 5 }),
        drift.map(scope, { release, by: 'site' }),
      ]);
      return [{ ...labelled, release: '' }, { ...devices, release: '' }, map] as const;
    };
    expect((await ask('kws@1.2.0'))[0].accuracy.n).toBe(0);
    await build(2, 1);
    const first = await ask('kws@1.0.0');
    expect(first[0].accuracy.n).toBeGreaterThan(0);
    expect(first[1].items).toHaveLength(5);
    expect(first[2].without).toBeGreaterThan(0);
    expect(await ask('kws@1.2.0')).toEqual(first);
    expect(await keptAs('kws@1.1.0')).toBe('kws@1.1.0');
  });

  it('should be answered with its own where one bundle differs, on either side', async () => {
    expect(await keptAs('kws@1.2.0')).toBe('kws@1.0.0');
    const own = Buffer.alloc(32, 9);
    const name = async (of: number) =>
      await database.query(
        `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
         values ($1, $2, $3, $4, $5, $6, 0)
         on conflict (project_id, prefix) do update set model_version_id = excluded.model_version_id`,
        [PROJECT, own.subarray(0, 8), own, uuid(3, of), TYPE, CLASSES],
      );
    for (const version of [0, 2]) {
      await name(version);
      expect(await keptAs('kws@1.2.0')).toBe('kws@1.2.0');
    }
    await database.query('delete from bundle_name where project_id = $1 and digest = $2', [PROJECT, own]);
    await build(2, 2);
    expect(await keptAs('kws@1.2.0')).toBe('kws@1.2.0');
  });
});

describe('what pages read', () => {
  /** Every plan of what is asked meanwhile; sequential scans cost so much that one means that no index serves. */
  async function plansOf(ask: (db: Db) => Promise<unknown>): Promise<Plan[]> {
    const plans: Plan[] = [];
    await database.session(async (session) => {
      await session.query('set enable_seqscan = off');
      // Services ask for several things at once; one connection answers one by one.
      let before: Promise<unknown> = Promise.resolve();
      const explained = async (sql: string, values?: readonly unknown[]) => {
        const [row] = await session.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
          `explain (format json) ${sql}`,
          values,
        );
        plans.push(...nodesOf(row!['QUERY PLAN'][0].Plan));
      };
      const recorded: Db = {
        ...session,
        query: async <Row extends object>(sql: string, values?: readonly unknown[]) => {
          const asked = before.then(async () => {
            await explained(sql, values);
            return await session.query<Row>(sql, values);
          });
          before = asked.catch(() => {});
          return await asked;
        },
      };
      await ask(recorded);
      await session.query('reset enable_seqscan');
    });
    expect(plans.length).toBeGreaterThan(0);
    return plans;
  }

  const from = new Date(midnight - 30 * DAY_MS).toISOString();
  const to = new Date(midnight).toISOString();
  const release = 'kws@1.0.0';
  const quality = (db: Db) =>
    new QualityService(new PgQualityStore(db), async (work) =>
      work({ labels: new PgQualityStore(db), audit: new PgAuditLog(db) }),
    );
  const estimates = (db: Db) => new EstimateService(new PgEstimateStore(db));
  const drift = (db: Db) => new DriftMapService(new PgEstimateStore(db));
  const month: Record<string, (db: Db) => Promise<unknown>> = {
    accuracy: (db) => quality(db).accuracy(scope, { from, to, bucketSeconds: 3_600 }),
    'class mix': (db) => quality(db).classMix(scope, { from, to }),
    'class mix by hour': (db) => quality(db).classMix(scope, { from, to, bucketSeconds: 3_600 }),
    versions: (db) => quality(db).versionShare(scope, { from, to }),
    estimate: (db) => estimates(db).series(scope, { from, to }),
    'drift by version': (db) => drift(db).map(scope, { release, by: 'version', from, to }),
    'drift by site': (db) => drift(db).map(scope, { release, by: 'site', from, to }),
    labelled: (db) => estimates(db).labelled(scope, { release, from, to }),
    'label queue': (db) => new PgLabelQueueStore(db).counts(scope, 10_000),
    gaps: (db) => new PgTelemetryReader(db).gaps(scope, { limit: 100 }),
    refusals: (db) => new PgTelemetryReader(db).refusals(scope, { limit: 100 }),
  };

  it.each(Object.keys(month))('should be served by indexes of sums alone for 30 days: %s', async (name) => {
    const plans = await plansOf(month[name]!);
    const read = plans.flatMap((node) => node['Relation Name'] ?? []);
    expect(read.filter((table) => table.startsWith('telemetry_window'))).toEqual([]);
    const large =
      /^(rollup|accuracy|confusion|device_count|prediction|label_task|ingest_refusal|device_report)/;
    const scanned = plans
      .filter((node) => node['Node Type'] === 'Seq Scan')
      .flatMap((node) => node['Relation Name'] ?? []);
    expect(scanned.filter((table) => large.test(table))).toEqual([]);
  });

  it('should be windows only up to the limit of windows, and below an hour of two hours', async () => {
    const limits = { classWindows: 10, deviceWindows: 10, deviceRangeMs: 16 * DAY_MS };
    const small = (db: Db) =>
      new QualityService(
        new PgQualityStore(db),
        () => Promise.reject(new Error('writes nothing')),
        () => midnight,
        limits,
      );
    const hours = (n: number) => new Date(midnight - n * HOUR_MS).toISOString();
    // 12 devices sent in the one hour, none in the other.
    const counted = await small(database).versionShare(scope, { from: hours(2), to });
    expect(counted.bucketSeconds).toBe(86_400);
    const none = await small(database).versionShare(scope, { from: hours(20), to: hours(18) });
    expect(none.bucketSeconds).toBeLessThan(3_600);
    const long = await plansOf((db) => small(db).versionShare(scope, { from: hours(16 * 24 + 1), to }));
    expect(long.flatMap((node) => node['Relation Name'] ?? [])).toContain('device_count_day');
    expect(long.some((node) => node['Relation Name']?.startsWith('telemetry_window'))).toBe(false);
  });
});

describe('a device that reports sums which no integer holds', () => {
  it('should not keep others from being folded, however often it reports', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const one = {
      histogram: Buffer.from(packHistogram(Array.from({ length: 16 }, (_, i) => +(i === 0)))),
      n: 1,
      min: 0,
      max: 0,
    };
    const features = [
      { ...one, sum: most, sumSquares: most },
      { ...one, sum: -most, sumSquares: most },
    ];
    const packed = packFeatures(features);
    const report = async () => {
      const first = sequence;
      await send([-29]);
      await database.query('update telemetry_window set features = $2 where seq >= $1', [first, packed]);
      await foldAll();
    };
    await report();
    for (const table of ['rollup_hour', 'rollup_device_day', 'rollup_span'])
      await database.query(
        `update ${table} set feature_sums = array[1, 9223372036854775807, 9223372036854775807, 1, -9223372036854775807, 1]
         where feature_sums is not null`,
      );
    await report();
    const [waiting] = await database.query<{ n: number }>(
      'select count(*)::int as n from telemetry_batch where folded_at is null',
    );
    expect(waiting!.n).toBe(0);
  });

  it('should not keep the spans from being made of hours', async () => {
    await database.query(
      `update rollup_hour set feature_sums = array[1, 9223372036854775807, (-9223372036854775807)]::bigint[]`,
    );
    await migrateAgain();
    const [bounds] = await database.query(
      `select max(feature_sums[2])::text as most, min(feature_sums[3])::text as least from rollup_span where part = 'all' and span_h = 24`,
    );
    expect(bounds).toEqual({ most: '9223372036854775806', least: '-9223372036854775806' });
  });
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}
const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
