-- What has become of devices that are not under way, and of offers that nobody took. $1 project, $2 rollout, $3 now.
-- Removed from service, excluded, pinned elsewhere or given a newer release of the model by somebody else: it ends. Held by a
-- person: it waits outside. An offer whose window has closed, or that a rollout of higher priority wants: it waits again. What was
-- offered to one that ends or is held is taken back, unless its transfer has begun.
with own as (
  select ro.created_at, ro.priority, r.sequence, v.model_id
  from rollout ro
  join release r on r.project_id = ro.project_id and r.id = ro.release_id
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  where ro.project_id = $1 and ro.id = $2
), looked as (
  select dp.device_id, dp.number, dp.state, case
    when d.state = 'retired' or d.state = 'suspended' and dp.state in ('waiting', 'held') then 'out of service: ' || d.state
    when dp.state in ('offered', 'unreached') and ds.deployment_number = dp.number and ds.transfer_digest is not null then null
    when u.kind = 'exclude' then rtrim('excluded: ' || u.reason, ': ')
    when u.kind = 'pin' and u.release_id <> dp.release_id then rtrim('pinned to another release: ' || u.reason, ': ')
    when wr.sequence is not null then 'superseded by ' || wr.ref
    end as ended,
    u.kind = 'hold' and (u.until > $3) is not false and (dp.state in ('waiting', 'held')
      or (ds.deployment_number = dp.number and ds.transfer_digest is not null) is not true) as held, u.reason as why,
    dp.state = 'offered' and ds.deployment_number = dp.number and ds.transfer_digest is null and (
      ds.offer_until <= $3
      or exists (
        select from deployment o join rollout oro on oro.project_id = $1 and oro.id = o.rollout_id
        where o.project_id = $1 and o.device_id = dp.device_id and o.rollout_id <> $2 and o.state = 'waiting'
          and oro.state = 'running' and o.step <= oro.step and oro.priority > own.priority)) as withdrawn
  from own
  join deployment dp on dp.project_id = $1 and dp.rollout_id = $2 and dp.state in ('waiting', 'held', 'offered', 'unreached')
  join device d on d.project_id = $1 and d.id = dp.device_id
  left join update_rule u on u.project_id = $1 and u.device_id = dp.device_id
  left join desired_state ds on ds.project_id = $1 and ds.device_id = dp.device_id
  left join lateral (
    select wr.sequence, wm.name || '@' || wv.version as ref
    from release wr
    join model_version wv on wv.project_id = $1 and wv.id = wr.model_version_id
    join model wm on wm.project_id = $1 and wm.id = wv.model_id
    where wr.project_id = $1 and wr.id = ds.release_id and wv.model_id = own.model_id and wr.sequence > own.sequence
      and ds.updated_at > own.created_at and not ds.fallback
  ) as wr on true
), changed as (
  select *, case when ended is not null then 'aborted' when state <> 'held' and held then 'held'
    when state = 'held' and held is not true then 'waiting' when withdrawn then 'waiting' end as next
  from looked
), locked as (
  -- What a device has said meanwhile counts.
  select c.*, dp.previous_digest, dp.previous_release_id
  from changed c
  join deployment dp on dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = c.device_id and dp.state = c.state
  where c.next is not null
  order by dp.number
  for update of dp
), back as (
  select l.*, row_number() over (order by l.number) as i, count(*) over () as n
  from locked l join desired_state ds on ds.project_id = $1 and ds.device_id = l.device_id and ds.deployment_number = l.number
  where l.next in ('aborted', 'held')
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from back limit 1) as one
), told as (
  update desired_state ds set revision = base.first + b.i, deployment_number = 0, release_id = b.previous_release_id,
    digest = b.previous_digest, fallback = false, updated_at = now(), transfer_digest = null, full_only = false, offer_until = null
  from back b, base where ds.project_id = $1 and ds.device_id = b.device_id
)
update deployment dp set state = l.next,
  reason = coalesce(l.ended, case when l.next = 'held' then rtrim('held: ' || l.why, ': ') else '' end),
  updated_at = now(), finished_at = case when l.next = 'aborted' then now() end
from locked l
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = l.device_id
