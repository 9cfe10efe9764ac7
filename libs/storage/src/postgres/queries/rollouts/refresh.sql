-- What has become of devices that are not under way, and of offers that nobody took. $1 project, $2 rollout, $3 now.
-- Removed from service, excluded, pinned elsewhere, of a type or site that went back, or given a newer release of the model by
-- somebody else: it ends. Held by a person: it waits outside. An offer whose window has closed, or that a rollout of higher priority wants: it waits again. What was
-- offered to one that ends or is held is taken back, unless its transfer has begun. Shadow runs end where another rollout has the
-- device by now.
with own as (
  select ro.created_at, ro.rolled_back, ro.priority from rollout ro where ro.project_id = $1 and ro.id = $2
), looked as (
  select dp.device_id, dp.number, dp.state, case
    when dp.state = 'shadow' and ds.deployment_number is distinct from dp.number then 'another rollout has the device'
    when d.state = 'retired' or d.state = 'suspended' and dp.state in ('waiting', 'held') then 'out of service: ' || d.state
    when dp.state in ('offered', 'unreached') and ds.deployment_number = dp.number and ds.transfer_digest is not null then null
    when u.kind = 'exclude' then rtrim('excluded: ' || u.reason, ': ')
    when u.kind = 'pin' and u.release_id <> dp.release_id then rtrim('pinned to another release: ' || u.reason, ': ')
    when wr.sequence is not null then 'superseded by ' || wr.ref
    when is_in_segment(own.rolled_back, t.name, d.site) then 'its type or site was rolled back'
    end as ended,
    u.kind = 'hold' and (u.until > $3) is not false and dp.state <> 'shadow' and (dp.state in ('waiting', 'held')
      or (ds.deployment_number = dp.number and ds.transfer_digest is not null) is not true) as held, u.reason as why,
    dp.state = 'offered' and ds.deployment_number = dp.number and ds.transfer_digest is null and (
      ds.offer_until <= $3
      or exists (
        select from deployment o join rollout oro on oro.project_id = $1 and oro.id = o.rollout_id
        where o.project_id = $1 and o.device_id = dp.device_id and o.rollout_id <> $2 and o.state = 'waiting'
          and oro.state = 'running' and o.step <= oro.step and oro.priority > own.priority)) as withdrawn
  from own
  join deployment dp on dp.project_id = $1 and dp.rollout_id = $2
    and dp.state in ('waiting', 'held', 'offered', 'unreached', 'shadow')
    -- All of whom one of the reasons above may be true, without a look at those who merely wait.
    and dp.device_id = any (array(
      select device_id from update_rule where project_id = $1
      union all
      select id from device where project_id = $1 and state in ('suspended', 'retired')
      union all
      select device_id from deployment where project_id = $1 and rollout_id = $2 and state in ('held', 'shadow')
      union all
      select device_id from desired_state where project_id = $1 and offer_until <= $3
      union all
      select ds.device_id from rollout ro join desired_state ds on ds.project_id = $1 and ds.release_id <> ro.release_id
        and ds.updated_at > ro.created_at and not ds.fallback
      where ro.project_id = $1 and ro.id = $2
      union all
      select device_id from deployment where project_id = $1 and state in ('waiting', 'offered', 'unreached') and rollout_id = any (array(
        select id from rollout where project_id = $1 and id = $2 and rolled_back <> '[]'))
      union all
      select device_id from deployment where project_id = $1 and state = 'waiting' and rollout_id = any (array(
        select oro.id from rollout ro join rollout oro on oro.project_id = $1 and oro.state = 'running' and oro.priority > ro.priority
        where ro.project_id = $1 and ro.id = $2))))
  join release dr on dr.project_id = $1 and dr.id = dp.release_id
  join model_version dv on dv.project_id = $1 and dv.id = dr.model_version_id
  join device d on d.project_id = $1 and d.id = dp.device_id
  join device_type t on t.project_id = $1 and t.id = d.type_id
  left join update_rule u on u.project_id = $1 and u.device_id = dp.device_id
  left join desired_state ds on ds.project_id = $1 and ds.device_id = dp.device_id
  left join lateral (
    select wr.sequence, wm.name || '@' || wv.version as ref
    from release wr
    join model_version wv on wv.project_id = $1 and wv.id = wr.model_version_id
    join model wm on wm.project_id = $1 and wm.id = wv.model_id
    where wr.project_id = $1 and wr.id = ds.release_id and wv.model_id = dv.model_id and wr.sequence > dr.sequence
      and ds.updated_at > own.created_at and not ds.fallback and ds.shadow_every is null
  ) as wr on true
), changed as (
  select *, case when ended is not null then case state when 'shadow' then 'compared' else 'aborted' end when state <> 'held' and held then 'held'
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
  where l.next in ('aborted', 'held', 'compared')
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from back limit 1) as one
), told as (
  update desired_state ds set revision = base.first + b.i, deployment_number = 0, release_id = b.previous_release_id,
    digest = b.previous_digest, fallback = false, shadow_every = null, updated_at = now(), transfer_digest = null, full_only = false, offer_until = null
  from back b, base where ds.project_id = $1 and ds.device_id = b.device_id
)
update deployment dp set state = l.next,
  reason = coalesce(l.ended, case when l.next = 'held' then rtrim('held: ' || l.why, ': ') else '' end),
  updated_at = now(), finished_at = case when l.next in ('aborted', 'compared') then now() end
from locked l
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = l.device_id
