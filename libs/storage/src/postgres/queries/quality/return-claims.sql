-- Back to the queue: what was asked for waits again, what was drawn is drawn again.
-- $1 project, $2 who, $3 all of theirs, $4 devices by name, $5 boot ids, $6 inference indexes
update label_task t set state = case when t.reason = 'asked' then 'open' else 'claimed' end, claimed_until = now()
where t.project_id = $1 and t.state = 'claimed' and t.claimed_by = $2 and t.claimed_until > now()
  and ($3::boolean or exists (
    select from unnest($4::text[], $5::bigint[], $6::bigint[]) as g (name, boot_id, inference_index)
    join device d on d.project_id = $1 and d.name = g.name
    where d.id = t.device_id and g.boot_id = t.boot_id and g.inference_index = t.inference_index))
returning 1
