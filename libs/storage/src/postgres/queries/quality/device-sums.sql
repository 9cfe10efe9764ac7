-- Sums of predictions and features of one device by day and version, the newest first. $1 project, $2 device name, $3 days
select (extract(epoch from r.day) * 1000)::float8 as "atMs", d.name as "group", m.name || '@' || v.version as release,
  r.schema_crc::float8 as "schemaCrc", r.confidence_bins::int as "confidenceBins", r.n::float8 as n, r.classes::text as classes,
  r.feature_counts::text as "featureCounts", r.feature_sums::text as "featureSums", r.ood::text as ood
from device d
join rollup_device_day r on r.project_id = d.project_id and r.device_id = d.id and r.day > (now() at time zone 'UTC')::date - $3::integer
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where d.project_id = $1 and d.name = $2
order by r.day desc, r.n desc
