-- Devices that run what was revoked: the model of a revoked release, or its image where it is of firmware alone. Another release that
-- has the same bytes and was not revoked makes them good.
-- $1 most devices of a release
select r.project_id as "projectId", p.name as project, m.name as model, m.name || '@' || v.version as release,
  extract(epoch from r.state_at)::float8 * 1000 as "revokedAtMs", coalesce(r.state_by, '') as by, r.state_reason as reason,
  (select coalesce(jsonb_agg(to_jsonb(one)), '[]') from (
     select d.id, d.name, extract(epoch from case when x.connected then now() else x.last_seen_at end)::float8 * 1000 as "seenAtMs"
     from release_artifact ra
     join device_report dr on dr.project_id = ra.project_id and dr.active_digest = ra.bundle_digest
     join device d on d.project_id = dr.project_id and d.id = dr.device_id and d.state not in ('suspended', 'retired')
     join presence x on x.project_id = d.project_id and x.device_id = d.id
     where ra.project_id = r.project_id and ra.release_id = r.id
       and not exists (
         select from release_artifact oa join release o on o.project_id = oa.project_id and o.id = oa.release_id
         where oa.project_id = ra.project_id and oa.bundle_digest = ra.bundle_digest and o.state <> 'revoked')
     order by d.name limit $1) as one) as devices
from release r
join project p on p.id = r.project_id
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where r.state = 'revoked' and r.state_at is not null
