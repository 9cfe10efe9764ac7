-- Predictions to label, as people see them. $1 project, $2 device ids, $3 boot ids, $4 inference indexes
select d.name as device, lpad(to_hex(p.boot_id), 16, '0') as "bootId", p.inference_index::float8 as "inferenceIndex", p.at,
  m.name || '@' || v.version as release, coalesce(v.labels, '{}') as classes, p.predicted::int, p.confidence / 255.0::float8 as confidence,
  t.reason, t.note, s.id as sample, t.claimed_until as "claimedUntil"
from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as g (device_id, boot_id, inference_index)
join label_task t on t.project_id = $1 and t.device_id = g.device_id and t.boot_id = g.boot_id and t.inference_index = g.inference_index
join prediction p on p.project_id = $1 and p.device_id = g.device_id and p.boot_id = g.boot_id and p.inference_index = g.inference_index
join device d on d.project_id = t.project_id and d.id = t.device_id
left join model_version v on v.project_id = p.project_id and v.id = p.model_version_id
left join model m on m.project_id = v.project_id and m.id = v.model_id
left join sample s on s.project_id = p.project_id and s.device_id = p.device_id and s.boot_id = p.boot_id
  and s.inference_index = p.inference_index and s.data is not null
order by t.reason <> 'asked', p.confidence
