-- Samples, newest first. $1 project, $2 before this id or null, $3 device or null, $4 limit
select s.id, d.name as device, s.boot_id::text, s.inference_index::float8 as inference_index, m.name || '@' || v.version as release, s.bytes,
  s.encoding::int, s.predicted::int, s.confidence::int, s.ask > 0 as asked, s.data is not null as complete, s.received_at,
  s.received_at + make_interval(days => coalesce(x.retention_days, 0)) as deleted_after
from sample s
join device d on d.project_id = s.project_id and d.id = s.device_id
left join sample_settings x on x.project_id = s.project_id
left join bundle_name b on b.project_id = s.project_id and b.prefix = s.build_prefix
left join model_version v on v.project_id = s.project_id and v.id = b.model_version_id
left join model m on m.project_id = v.project_id and m.id = v.model_id
where s.project_id = $1 and ($2::uuid is null or s.id < $2::uuid) and ($3::text is null or d.name = $3)
order by s.id desc limit $4
