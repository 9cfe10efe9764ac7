-- Predictions that get no label. $1 project, $2 devices by name, $3 boot ids, $4 inference indexes, $5 why, $6 who
insert into label_task as t (project_id, device_id, boot_id, inference_index, reason, state, note, claimed_by)
select p.project_id, p.device_id, p.boot_id, p.inference_index, 'asked', 'skipped', $5, $6
from unnest($2::text[], $3::bigint[], $4::bigint[]) as g (name, boot_id, inference_index)
join device d on d.project_id = $1 and d.name = g.name
join prediction p on p.project_id = $1 and p.device_id = d.id and p.boot_id = g.boot_id and p.inference_index = g.inference_index
where p.label is null
group by 1, 2, 3, 4
on conflict (project_id, device_id, boot_id, inference_index) do update set state = 'skipped', note = excluded.note,
  claimed_by = excluded.claimed_by, claimed_until = null
  where t.state <> 'done'
returning 1
