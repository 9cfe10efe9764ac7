-- Counts errors that devices reported, by device, day and registered number. $1 projects, $2 devices, $3 registered numbers or 0,
-- $4 as reported, $5 deployments, $6 when they came: in the order in which they came. Devices that are gone are skipped.
insert into device_error as x (project_id, device_id, day, code, number, count, first_at, last_at, rollout_id)
select t.project_id, t.device_id, (t.at at time zone 'UTC')::date, t.code, (array_agg(t.number order by t.i desc))[1], count(*),
  min(t.at), max(t.at), (array_agg(dp.rollout_id order by t.i desc))[1]
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::bigint[], $6::timestamptz[])
  with ordinality as t (project_id, device_id, code, number, deployment, at, i)
join device d on d.project_id = t.project_id and d.id = t.device_id
left join deployment dp on dp.project_id = t.project_id and dp.number = t.deployment and dp.device_id = t.device_id
group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (project_id, device_id, day, code) do update
  set number = excluded.number, count = x.count + excluded.count, last_at = greatest(x.last_at, excluded.last_at),
    rollout_id = excluded.rollout_id
