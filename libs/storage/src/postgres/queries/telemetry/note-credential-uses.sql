-- Credentials that devices connected with, and the end of those that a used one replaces. Arrays: project, credential, time,
-- sealed key or null; $5 seconds that a replaced one still has. Gives the devices of which a credential ends sooner now. One
-- update of all: a device that used both, the old and the new one, has its old row changed once.
with u as (
  select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bytea[]) as u (project_id, id, at, sealed_key)
), told as (
  select project_id, id, at, sealed_key, false as ends from u
  union all
  select old.project_id, old.id, null, null, true
  from u join device_credential own on own.project_id = u.project_id and own.id = u.id
  join device_credential old on old.project_id = own.project_id and old.device_id = own.device_id and old.replaced_by = own.id
  where old.revoked_at is null and (old.expires_at is null or old.expires_at > now() + make_interval(secs => $5))
), merged as (
  select project_id, id, max(at) as at, (array_agg(sealed_key) filter (where sealed_key is not null))[1] as sealed_key,
    bool_or(ends) as ends
  from told group by project_id, id
), noted as (
  update device_credential c
  set last_used_at = greatest(c.last_used_at, m.at), sealed_key = coalesce(c.sealed_key, m.sealed_key),
    expires_at = case when m.ends then now() + make_interval(secs => $5) else c.expires_at end
  from merged m where c.project_id = m.project_id and c.id = m.id
  returning c.project_id, c.device_id, m.ends
)
select distinct p.name as project, d.name as device
from noted n join project p on p.id = n.project_id join device d on d.project_id = n.project_id and d.id = n.device_id
where n.ends
