-- Connections that began or ended. $1 projects, $2 devices, $3 begin, $4 end or null. The end of an open one changes no index.
insert into connection (project_id, device_id, began_at, ended_at)
select t.project_id, t.device_id, t.began_at, t.ended_at
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[]) as t (project_id, device_id, began_at, ended_at)
join device d on d.project_id = t.project_id and d.id = t.device_id
order by t.project_id, t.device_id
on conflict (project_id, device_id, began_at) do update set ended_at = excluded.ended_at
