-- Both sides of the gates of a rollout: $1 project, $2 rollout, $3 step. Step: devices that were offered the release, and are
-- active since `sinceMs`. Control: devices held back or whose turn has not come, compared since the rollout began; and those of
-- the step until they were offered it, as they were control before. In the order in which they are admitted.
with own as (
  select ro.created_at from rollout ro where ro.project_id = $1 and ro.id = $2
), looked as (
  select dp.*, d.name, d.site, t.name as type, r.active_digest, p.connected, p.last_seen_at, p.next_contact_by,
    dp.told_at is not null and dp.step <= $3 and dp.state <> 'control' as is_step
  from deployment dp
  join device d on d.project_id = dp.project_id and d.id = dp.device_id
  join device_type t on t.project_id = d.project_id and t.id = d.type_id
  left join device_report r on r.project_id = dp.project_id and r.device_id = dp.device_id
  left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
  where dp.project_id = $1 and dp.rollout_id = $2
    and dp.state not in ('incompatible', 'aborted', 'held', 'unreached', 'returning', 'returned')
), runs as (
  select a.type_id, a.bundle_digest, max(m.name || '@' || v.version) as ref
  from release_artifact a
  join release r on r.project_id = a.project_id and r.id = a.release_id
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id
  where a.project_id = $1 group by a.type_id, a.bundle_digest
), named as (
  select l.*, (select ref from runs where bundle_digest = l.digest limit 1) as new_release,
    (select ref from runs where bundle_digest = case when l.is_step then l.previous_digest else l.active_digest end limit 1) as old_release
  from looked l
)
select n.name as device, 'step' as arm, n.type, n.site, n.new_release as release,
  case when n.state = 'active' then 'active' when n.state = 'silent' or n.error_code = 703 then 'timed-out'
    when n.state in ('failed', 'reverted') then 'failed' else 'moving' end as install,
  case when n.self_test is null then case when n.error_code = 502 then 'failed' end
    when (n.self_test ->> 'passed')::boolean then 'passed' else 'failed' end as "selfTest",
  case when n.state = 'active' then extract(epoch from n.finished_at)::float8 * 1000 end as "sinceMs", null::float8 as "untilMs",
  extract(epoch from n.last_seen_at)::float8 * 1000 as "lastContactMs",
  extract(epoch from n.next_contact_by)::float8 * 1000 as "nextContactByMs", coalesce(n.connected, false) as "isConnected", n.number
from named n where n.is_step
union all
select n.name, 'control', n.type, n.site, n.old_release, null, null,
  extract(epoch from own.created_at)::float8 * 1000, case when n.is_step then extract(epoch from n.offered_at)::float8 * 1000 end,
  extract(epoch from n.last_seen_at)::float8 * 1000, extract(epoch from n.next_contact_by)::float8 * 1000,
  coalesce(n.connected, false), n.number
from named n, own
where not n.is_step or n.offered_at > own.created_at
order by number
