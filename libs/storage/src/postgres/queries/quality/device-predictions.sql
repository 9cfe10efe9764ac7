-- Sums of devices that ran a release in the last days: of those that predicted most on its newest two days, because adding up all days
-- of all devices to rank them would read the whole fleet. $1 project, $2 release, $3 days, $4 limit, $5 versions of rows whose lists are known
-- (sums-cache.ts); a filter of devices stands for its comment
with wanted as (
  select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and m.name || '@' || v.version = $2
), newest as (
  select day from device_count_day where project_id = $1 and model_version_id = (select id from wanted)
    and day > (now() at time zone 'UTC')::date - $3::integer
  order by day desc limit 1
), most as (
  select r.device_id from rollup_device_day r
  where r.project_id = $1 and r.model_version_id = (select id from wanted)
    -- As a list: of a range whose ends it does not know Postgres expects a third of the table, and reads all of it.
    and r.day = any (array(select day - i from newest cross join generate_series(0, 1) as i))
    and r.day > (now() at time zone 'UTC')::date - $3::integer
    /* filter */
  group by r.device_id order by sum(r.n) desc, r.device_id limit $4
)
select x.name as device, r.schema_crc::float8 as "schemaCrc", r.confidence_bins::int as "confidenceBins", r.n::float8 as n,
  concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin) as version, case when k.version is null then r.classes::text end as classes,
  case when k.version is null then r.feature_counts::text end as "featureCounts", case when k.version is null then r.ood::text end as ood
from (
  -- By the key: a join expects so many that it reads all devices.
  select most.device_id, (select d.name from device d where d.project_id = $1 and d.id = most.device_id) as name from most
) x
join rollup_device_day r on r.project_id = $1 and r.device_id = x.device_id and r.model_version_id = (select id from wanted)
  and r.day > (now() at time zone 'UTC')::date - $3::integer
left join unnest($5::text[]) as k (version) on k.version = concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin)
order by x.name
