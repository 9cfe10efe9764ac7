-- What given labels refer to: the device, and the class of a label text in the version that made the prediction, or,
-- before the prediction has arrived, in the version that the device runs now.
-- $1 project, $2 device names, $3 boot ids, $4 inference indexes, $5 class numbers or null, $6 label texts or null
select given.i::int - 1 as position, d.id as device_id,
       coalesce(given.class, array_position(v.labels, given.text) - 1)::int as class,
       cardinality(v.labels) as classes
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::text[])
  with ordinality as given (device, boot_id, inference_index, class, text, i)
left join device d on d.project_id = $1 and d.name = given.device
left join prediction p on p.project_id = $1 and p.device_id = d.id and p.boot_id = given.boot_id
  and p.inference_index = given.inference_index
left join device_report r on r.project_id = $1 and r.device_id = d.id
left join bundle_name b on b.project_id = $1 and b.prefix = substring(r.active_digest for 8)
left join model_version v on v.project_id = $1 and v.id = coalesce(p.model_version_id, b.model_version_id)
order by given.i
