-- What the edge has to know about devices, by name. $1 project names, $2 device names; answers carry their position.
select q.i::int as position, p.id as "projectId", d.id as "deviceId", p.name as project, d.name as device,
  d.type_id as "typeId", d.site, d.state not in ('suspended', 'retired') as enabled, d.token_hash as "tokenHash", d.sealed_key is not null as "hasKey",
  p.window_s as "windowS", p.pick_every as "pickEvery",
  r.boot_id as "bootId", coalesce(r.last_sequence, 0)::float8 as "lastSequence", coalesce(r.gaps, 0)::float8 as gaps
from unnest($1::text[], $2::text[]) with ordinality as q (project, device, i)
join project p on p.name = q.project
join device d on d.project_id = p.id and d.name = q.device
left join device_report r on r.project_id = d.project_id and r.device_id = d.id
