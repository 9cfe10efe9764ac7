-- What windows may be compared by: model, schema of monitors and shape of the histogram, as the sums of hours have them.
-- $1 project, $2 and $3 from and to.
with seen as (
  select s.model_version_id, s.schema_crc, s.confidence_bins, min(s.at) as first_at
  from rollup_span s
  where s.project_id = $1 and s.part = 'all' and s.span_h = 1 and s.at >= date_trunc('hour', $2::timestamptz, 'UTC') and s.at < $3
  group by s.model_version_id, s.schema_crc, s.confidence_bins
), shaped as (
  select distinct s.*, b.classes from seen s
  join bundle_name b on b.project_id = $1 and b.model_version_id = s.model_version_id
)
select v.model_id as "modelId", m.name as model, s.schema_crc::float8 as "schemaCrc",
  s.confidence_bins::int as "confidenceBins", s.classes::int as "classCount",
  extract(epoch from min(s.first_at))::float8 * 1000 as "firstHourMs",
  (select n.labels from model_version n where n.project_id = $1 and n.model_id = v.model_id
   order by n.version_order desc limit 1) as labels
from shaped s
join model_version v on v.project_id = $1 and v.id = s.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
group by v.model_id, m.name, s.schema_crc, s.confidence_bins, s.classes
order by m.name, s.schema_crc
