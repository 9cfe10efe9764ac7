-- What the edge has to know about devices, by name. $1 project names, $2 device names; answers carry their position. Credentials that
-- have ended are left out, but for certificates of the last 30 days:
-- a clock may be wrong by a tolerance the edge knows, and who comes with one is told that it has ended.
select q.i::int as position, p.id as "projectId", d.id as "deviceId", p.name as project, d.name as device,
  d.type_id as "typeId", d.site, d.state not in ('suspended', 'retired') as enabled,
  (select e.state from device_enrolment e where e.project_id = d.project_id and e.device_id = d.id) as enrolment, own.credentials,
  p.window_s as "windowS", p.pick_every as "pickEvery",
  r.boot_id as "bootId", coalesce(r.last_sequence, 0)::float8 as "lastSequence", coalesce(r.gaps, 0)::float8 as gaps
from unnest($1::text[], $2::text[]) with ordinality as q (project, device, i)
join project p on p.name = q.project
-- One by one: in a table that was filled a moment ago and has no statistics yet, a join would read all devices for a few.
cross join lateral (select * from device d where d.project_id = p.id and d.name = q.device limit 1) d
left join device_report r on r.project_id = d.project_id and r.device_id = d.id
cross join lateral (
  select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'hash', encode(c.hash, 'base64'),
    'hasKey', c.sealed_key is not null,
    'startsAt', floor(extract(epoch from c.starts_at) * 1000), 'expiresAt', floor(extract(epoch from c.expires_at) * 1000),
    'usedAt', floor(extract(epoch from c.last_used_at) * 1000)) order by c.id desc), '[]') as credentials
  from device_credential c
  where c.project_id = d.project_id and c.device_id = d.id and c.revoked_at is null
    and (c.expires_at is null or c.expires_at > now() - case c.kind when 'token' then interval '0' else interval '30 days' end)
    and (c.authority_id is null
      or (select a.state from device_authority a where a.project_id = c.project_id and a.id = c.authority_id) = 'active')
) own
