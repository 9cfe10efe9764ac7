-- Moves devices to another state. $1 project, $2 device ids, $3 states it may come from, $4 the new one, or null for what
-- it was before it was suspended. Retiring takes the credentials and ends open deployments. Answers who moved.
with old as (
  select d.id, d.name, d.state from device d
  where d.project_id = $1 and d.id = any ($2::uuid[]) and d.state = any ($3::text[])
  order by d.id for update
), moved as (
  update device d set
    state = coalesce($4::text, case
      when exists (select from device_report r where r.project_id = $1 and r.device_id = d.id) then 'active'
      when d.claimed_at is not null then 'claimed'
      else 'registered' end),
    claimed_at = case when $4::text = 'claimed' then now() else d.claimed_at end,
    revision = d.revision + 1
  from old where d.project_id = $1 and d.id = old.id
  returning d.id, d.name, old.state as "from", d.state as "to"
), revoked as (
  update device_credential c set revoked_at = now()
  from moved where $4::text = 'retired' and c.project_id = $1 and c.device_id = moved.id and c.revoked_at is null
), unclaimed as (
  delete from claim_code c using moved
  where $4::text = 'retired' and c.project_id = $1 and c.device_id = moved.id and c.used_at is null
), ended as (
  update deployment dp set state = 'aborted', reason = 'the device was retired', updated_at = now(), finished_at = now()
  from moved where $4::text = 'retired' and dp.project_id = $1 and dp.device_id = moved.id
    and dp.state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'trial', 'soak')
)
select id, name, "from", "to" from moved
