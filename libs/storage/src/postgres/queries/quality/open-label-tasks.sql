-- The newest unlabelled predictions of each device, of the half that is not kept for chance. Who holds one keeps it.
-- $1 project, $2 device ids, $3 of each, $4 why
insert into label_task as t (project_id, device_id, boot_id, inference_index, reason, state, note)
select $1, x.device_id, x.boot_id, x.inference_index, 'asked', 'open', $4
from unnest($2::uuid[]) as d (id)
cross join lateral (
  select p.device_id, p.boot_id, p.inference_index from prediction p
  where p.project_id = $1 and p.device_id = d.id and p.label is null and p.predicted is not null
    and chance_of(p.boot_id, p.inference_index) >= 0
    and not exists (select from label_task k where k.project_id = $1 and k.device_id = p.device_id and k.boot_id = p.boot_id
      and k.inference_index = p.inference_index)
  order by p.at desc nulls last limit $3::integer
) as x
on conflict do nothing
returning 1
