-- Ends every deployment that has not ended, and shadow runs, of a type and site where $3 and $4 name one; devices that were offered it get back
-- what was desired of them before. A shadow that fell silent has failed, whatever it says later. $1 project, $2 rollout.
with open as (
  select dp.device_id, dp.number, dp.previous_digest, dp.previous_release_id,
    case when dp.state = 'shadow' then 'compared' when dp.state = 'silent' and ro.kind = 'shadow' then 'failed' else 'aborted' end as ended
  from deployment dp
  join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
  join device d on d.project_id = dp.project_id and d.id = dp.device_id
  join device_type t on t.project_id = d.project_id and t.id = d.type_id
  where dp.project_id = $1 and dp.rollout_id = $2 and ($3::text is null or t.name = $3) and ($4::text is null or d.site = $4)
    and dp.state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'silent', 'held', 'unreached', 'shadow')
  order by dp.number
  for update of dp
), back as (
  select o.*, row_number() over (order by o.number) as i, count(*) over () as n
  from open o join desired_state ds on ds.project_id = $1 and ds.device_id = o.device_id and ds.deployment_number = o.number
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from back limit 1) as one
), told as (
  update desired_state ds set revision = base.first + b.i, deployment_number = 0, release_id = b.previous_release_id,
    digest = b.previous_digest, fallback = false, shadow_every = null, updated_at = now(), transfer_digest = null, full_only = false, offer_until = null
  from back b, base where ds.project_id = $1 and ds.device_id = b.device_id
)
update deployment dp set state = o.ended, updated_at = now(), finished_at = now()
from open o where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = o.device_id
returning dp.device_id
