-- Certificates of devices that may connect which end within $1 days and have no successor; those not told of yet are marked.
with ending as (
  select c.project_id, c.id, d.name, c.warned_at
  from device_credential c join device d on d.project_id = c.project_id and d.id = c.device_id
  where c.kind = 'certificate' and c.revoked_at is null and c.replaced_by is null
    and c.expires_at > now() and c.expires_at <= now() + make_interval(days => $1)
    and d.state not in ('suspended', 'retired')
), marked as (
  update device_credential c set warned_at = now() from ending e
  where e.warned_at is null and c.project_id = e.project_id and c.id = e.id
)
select project_id as "projectId", name as device, warned_at is null as "isNew" from ending
