-- Devices under way that have not moved for longer than their state may take, our own outages left out. $1 project, $2 rollout,
-- $3 seconds by state, $4 how often a device without progress is tried again, $5 and $6 seconds before the first and at most,
-- $7 now. A device that is away and still expected is not looked at. One that was away since before its offer was not reached,
-- and its offer stands; one that has been heard of makes no progress; any other is silent. A shadow that runs needs no progress.
with late as (
  select dp.device_id, dp.state, t.seconds, coalesce((dp.retries ->> 'stuck')::int, 0) as stuck,
    h.heard, dp.state = 'offered' and dp.away and dp.reached_at is null and p.connected is not true
      and (p.last_seen_at >= dp.told_at - interval '5 seconds') is not true as unreached
  from deployment dp
  join release r on r.project_id = dp.project_id and r.id = dp.release_id
  cross join lateral (
    select ($3::jsonb ->> dp.state)::float8 + case when dp.state = 'soak' then r.soak_s else 0 end as seconds
  ) as t
  left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
  cross join lateral (
    select coalesce(p.connected or p.last_seen_at > $7::timestamptz - make_interval(secs => t.seconds), false) as heard
  ) as h
  where dp.project_id = $1 and dp.rollout_id = $2
    and dp.state in ('offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'returning', 'shadow')
    and not (dp.state = 'shadow' and h.heard)
    and dp.updated_at < $7::timestamptz - make_interval(secs => t.seconds)
    and extract(epoch from $7::timestamptz - dp.updated_at) - outage_seconds(dp.updated_at, $7) > t.seconds
    and not (coalesce(p.next_contact_by > $7, false) and not p.connected)
  order by dp.number
  for update of dp
)
update deployment dp set
  state = case when l.unreached then 'unreached' when not l.heard then 'silent'
    when l.stuck < $4 and l.state <> 'returning' then 'waiting' else 'failed' end,
  reason = case when l.unreached then 'away since before the offer' when not l.heard then format('nothing heard for %s s', l.seconds)
    when l.state = 'returning' then format('did not go back in %s s', l.seconds)
    else format('no progress in %s s, %s times', l.seconds, l.stuck + 1) end,
  error_code = case when l.heard and not l.unreached then 703 end,
  retries = case when l.heard then dp.retries || jsonb_build_object('stuck', l.stuck + 1) else dp.retries end,
  not_before = case when l.heard then now() + make_interval(secs => least($6::float8, $5::float8 * 2 ^ l.stuck)) end,
  updated_at = now(),
  finished_at = case when l.unreached or l.heard and l.stuck < $4 and l.state <> 'returning' then null else now() end
from late l
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = l.device_id and (l.state <> 'returning' or l.heard)
