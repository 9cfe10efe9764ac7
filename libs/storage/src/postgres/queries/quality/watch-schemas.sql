-- Windows that may be compared: by model, schema of monitors and shape of the histogram. $1 project, $2 and $3 from and to.
with seen as (
  select w.model_version_id, w.schema_crc, w.confidence_bins, b.classes, min(w.window_start) as first_at
  from telemetry_window w
  join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
  where w.project_id = $1 and w.time_known and w.window_start >= $2 and w.window_start < $3
  group by w.model_version_id, w.schema_crc, w.confidence_bins, b.classes
)
select v.model_id as "modelId", m.name as model, s.schema_crc::float8 as "schemaCrc",
  s.confidence_bins::int as "confidenceBins", s.classes::int as "classCount",
  extract(epoch from min(s.first_at))::float8 * 1000 as "firstMs",
  (select n.labels from model_version n where n.project_id = $1 and n.model_id = v.model_id
   order by n.version_order desc limit 1) as labels
from seen s
join model_version v on v.project_id = $1 and v.id = s.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
group by v.model_id, m.name, s.schema_crc, s.confidence_bins, s.classes
order by m.name, s.schema_crc
