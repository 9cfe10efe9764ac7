-- Offers the release: sets what is desired and notes what was, for the way back. Waiting devices of steps up to $3, or
-- with $3 null the devices in $5 once more. $1 project, $2 rollout, $4 at most. Devices that run the bundle already are
-- active at once; they are told their deployment all the same.
with due as (
  select dp.device_id, dp.number, dp.release_id, dp.digest, dp.state
  from deployment dp
  where dp.project_id = $1 and dp.rollout_id = $2
    and case when $3::int is null then dp.device_id = any ($5::uuid[]) else dp.state = 'waiting' and dp.step <= $3::int end
  order by dp.number limit $4
  for update
), numbered as (
  select due.*, row_number() over (order by due.number) as i, count(*) over () as n from due
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from numbered limit 1) as one
), before as (
  select n.device_id, ds.digest, ds.release_id from numbered n
  join desired_state ds on ds.project_id = $1 and ds.device_id = n.device_id
), told as (
  insert into desired_state as x (project_id, device_id, revision, deployment_number, release_id, digest, fallback, updated_at)
  select $1, n.device_id, base.first + n.i, n.number, n.release_id, n.digest, false, now() from numbered n, base
  order by n.device_id
  on conflict (project_id, device_id) do update set revision = excluded.revision, deployment_number = excluded.deployment_number,
    release_id = excluded.release_id, digest = excluded.digest, fallback = false, updated_at = now(),
    transfer_digest = case when x.digest = excluded.digest then x.transfer_digest end,
    full_only = x.full_only and x.deployment_number = excluded.deployment_number
)
update deployment dp set
  state = case when r.active_digest = n.digest then 'active' else 'offered' end,
  attempts = dp.attempts + 1, error_code = null, reason = '',
  previous_digest = case when n.state = 'waiting' then b.digest else dp.previous_digest end,
  previous_release_id = case when n.state = 'waiting' then b.release_id else dp.previous_release_id end,
  offered_at = coalesce(dp.offered_at, now()), updated_at = now(),
  finished_at = case when r.active_digest = n.digest then now() end
from numbered n
join device d on d.project_id = $1 and d.id = n.device_id
left join before b on b.device_id = n.device_id
left join device_report r on r.project_id = $1 and r.device_id = n.device_id
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = n.device_id
returning d.name as device
