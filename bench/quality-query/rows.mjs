// Rows of one day by SQL: windows that all hold the same counts, labelled predictions of every confidence, and the sums that the
// folder would have made of them.
import { CLASSES } from '../ingest/payload.mjs';
import { LABELLED, SITES, uuid } from './fleet.mjs';

/** Device i runs version i mod $5 at site i mod $6; each hour is one window. */
const DEVICE = `(select id, substr(name, 2)::int as i from device where project_id = $1) d
  cross join generate_series(0, $4::int - 1) h`;
const VERSION = `('${uuid(3, 0).slice(0, -1)}' || (d.i % $5::int))::uuid`;
const WINDOWS = `
  insert into telemetry_window (project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component,
    time_known, model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes, features, ood, switches,
    cycles_mean, cycles_max, arena_bytes, first_index)
  select $1, d.id, 1, extract(epoch from $3::timestamptz)::bigint / 3600 + h, $3::timestamptz + make_interval(hours => h), 3600000,
    case when $11::bigint is null then 0 else $11 + h end, $3::timestamptz + make_interval(hours => h + 1), 0, true, ${VERSION}, $2,
    'site-' || (d.i % $6::int), decode(repeat(lpad(to_hex(d.i % $5::int + 1), 2, '0'), 8), 'hex'), 0, $7, 8, $8, $9, $10, 3, 100000,
    120000, 16000, 0
  from ${DEVICE} order by d.id, h`;
/** One device in ten of each version. Eight in ten are right; a confidence is one of 12 bins. */
const PREDICTIONS = `
  insert into prediction (project_id, device_id, boot_id, inference_index, at, model_version_id, type_id, site, predicted, confidence,
    label, label_source)
  select $1, d.id, 1, extract(epoch from $3::timestamptz)::bigint / 3600 + h, $3::timestamptz + make_interval(hours => h), ${VERSION}, $2,
    'site-' || (d.i % $6::int), (d.i + h) % ${CLASSES}, 64 + (d.i * 7 + h * 11) % 192,
    case when (d.i * 3 + h) % 10 < 8 then (d.i + h) % ${CLASSES} else (d.i * 5 + h + 1) % ${CLASSES} end, 'bench'
  from ${DEVICE} where d.i / $5::int % ${LABELLED} = 0`;

/** Counts of one window, times the windows of a row. */
const SUMS = `windows, n, classes, ood, feature_counts, feature_sums, feature_min, feature_max, counters, cycles_sum, cycles_max`;
const TIMES = `create or replace function bench_times(counts bigint[], windows bigint) returns bigint[] language sql immutable as
  'select array_agg(c * windows order by i) from unnest(counts) with ordinality as t (c, i)'`;

/** @param {object} one window as it came @param {{ hours: number, versions: number }} made */
export function rowsOf(database, { project, type }, one, { hours, unpacked, versions }) {
  const sums = `count(*), sum(w.n), bench_times('{${unpacked.classes}}', count(*)), bench_times('{${unpacked.ood}}', count(*)),
    bench_times('{${unpacked.featureCounts}}', count(*)), bench_times('{${unpacked.featureSums}}', count(*)), '{${unpacked.featureMin}}',
    '{${unpacked.featureMax}}', array[count(*) * 3, 0, 0, 0, 0, 0]::bigint[], sum(w.n::numeric * w.cycles_mean), max(w.cycles_max)`;
  const ofDay = `from telemetry_window w where w.project_id = $1 and w.window_start >= $2 and w.window_start < $2::timestamptz + interval '1 day'`;
  const day = (from) => [project, from];
  return {
    prepare: () => database.query(TIMES),
    /** @param {number | null} batch id of the first of 24 batches, or none is kept */
    async windows(from, batch = null) {
      await database.query('select ensure_telemetry_day($1::date)', [from.toISOString().slice(0, 10)]);
      await database.query(WINDOWS, [
        ...[project, type, from, hours, versions, SITES, one.n, one.classes, one.features, one.ood, batch],
      ]);
    },
    /** Counted by the function that counts labels as they come. */
    async labels(from) {
      await database.query(PREDICTIONS, [project, type, from, hours, versions, SITES]);
      await database.query(
        `with sums as (
           select row(project_id, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, count(*),
             sum(confidence), confidence / 16, true)::accuracy_hour as sum
           from prediction where project_id = $1 and at >= $2 and at < $2::timestamptz + interval '1 day'
           group by project_id, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, confidence / 16
         ), kept as (insert into accuracy_hour select (sum).* from sums)
         select count_labelled(array_agg(sum)) from sums`,
        day(from),
      );
    },
    async sums(from) {
      await database.query(
        `insert into rollup_hour (project_id, model_version_id, type_id, site, hour, schema_crc, confidence_bins, ${SUMS})
         select w.project_id, w.model_version_id, w.type_id, w.site, date_trunc('hour', w.window_start, 'UTC'), w.schema_crc,
           w.confidence_bins, ${sums} ${ofDay} group by 1, 2, 3, 4, 5, 6, 7`,
        day(from),
      );
      await database.query(
        `insert into rollup_span (project_id, part, member, span_h, at, model_version_id, schema_crc, confidence_bins, ${SUMS})
         select w.project_id, p.part, p.member, s.hours, date_bin(make_interval(hours => s.hours), w.window_start, to_timestamp(0)),
           w.model_version_id, w.schema_crc, w.confidence_bins, ${sums
             .replaceAll('count(*)', 'sum(w.windows)::bigint')
             .replaceAll(/max\(w.cycles_max\)/g, 'max(w.cycles_max)')
             .replaceAll('sum(w.n::numeric * w.cycles_mean)', 'sum(w.cycles_sum)')}
         from (select *, hour as window_start from rollup_hour) w
         cross join (values (1), (6), (24)) as s (hours)
         cross join lateral (values ('all', ''), ('type', w.type_id::text), ('site', w.site)) as p (part, member)
         where w.project_id = $1 and w.hour >= $2 and w.hour < $2::timestamptz + interval '1 day'
         group by 1, 2, 3, 4, 5, 6, 7, 8`,
        day(from),
      );
      await database.query(
        `insert into rollup_device_day (project_id, device_id, day, model_version_id, type_id, site, schema_crc, confidence_bins, ${SUMS})
         select w.project_id, w.device_id, ($2::timestamptz at time zone 'UTC')::date, w.model_version_id, w.type_id, w.site, w.schema_crc,
           w.confidence_bins, ${sums} ${ofDay} group by 1, 2, 3, 4, 5, 6, 7, 8`,
        day(from),
      );
      await database.query(
        `insert into device_count_day
         select project_id, day, model_version_id, count(*) from rollup_device_day
         where project_id = $1 and day = ($2::timestamptz at time zone 'UTC')::date group by 1, 2, 3`,
        day(from),
      );
    },
  };
}

/** Rows of sums of two days that differ in anything but the day. */
export const DIFFERENT = [
  'rollup_hour hour',
  'rollup_span at',
  'rollup_device_day day',
  'device_count_day day',
]
  .map((one) => one.split(' '))
  .map(([table, at]) => {
    const time = at === 'day' ? `(x.day::timestamp at time zone 'UTC')` : `x.${at}`;
    const rows = (from) =>
      `select to_jsonb(x) - '${at}' || jsonb_build_object('at', ${time} - ${from}::timestamptz) as row from ${table} x
       where project_id = $1 and ${time} >= ${from} and ${time} < ${from}::timestamptz + interval '1 day'`;
    return `select '${table}' as name, count(*)::int as rows from (
      ((${rows('$2')}) except (${rows('$3')})) union all ((${rows('$3')}) except (${rows('$2')}))) as d`;
  })
  .join(' union all ');
