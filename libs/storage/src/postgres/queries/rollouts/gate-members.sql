-- Both sides of the gates of a rollout: $1 project, $2 rollout, $3 step. Step: devices that were offered the release, and are
-- active since `sinceMs`. Control: devices held back or whose turn has not come, compared since the rollout began; and those of
-- the step until they were offered it, as they were control before. In a comparison they are its sides B and A, and nobody is in
-- both; A's devices are compared since they are active where A is a release. A type or site that went back is judged no more, for
-- its devices that had failed by then would be blamed again. In the order in which they are admitted.
with own as (
  select ro.created_at, ro.release_id, ro.rolled_back from rollout ro where ro.project_id = $1 and ro.id = $2
), looked as (
  select dp.*, d.name, d.site, t.name as type, r.active_digest, p.connected, p.last_seen_at, p.next_contact_by,
    dp.told_at is not null and dp.step <= $3 and dp.state <> 'control' and dp.arm is distinct from 'a' as is_step,
    dp.arm = 'a' and dp.release_id <> own.release_id as is_rival
  from own
  join deployment dp on dp.project_id = $1 and dp.rollout_id = $2
  join device d on d.project_id = dp.project_id and d.id = dp.device_id
  join device_type t on t.project_id = d.project_id and t.id = d.type_id
  left join device_report r on r.project_id = dp.project_id and r.device_id = dp.device_id
  left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
  where dp.state not in ('incompatible', 'aborted', 'held', 'unreached', 'returning', 'returned')
    and (own.rolled_back = '[]' or not is_in_segment(own.rolled_back, t.name, d.site))
), runs as (
  -- What windows of a bundle are kept under: several releases may have the very same one.
  select b.digest as bundle_digest, m.name || '@' || v.version as ref
  from bundle_name b
  join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id
  where b.project_id = $1
), named as (
  select l.*, young.ref as new_release, old.ref as old_release
  from looked l
  left join runs young on young.bundle_digest = l.digest
  left join runs old on old.bundle_digest = case when l.is_step then l.previous_digest else l.active_digest end
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
select n.name, 'control', n.type, n.site, case when n.is_rival then n.new_release else n.old_release end, null, null,
  case when n.is_rival then case when n.state = 'active' then extract(epoch from n.finished_at)::float8 * 1000 end
    else extract(epoch from own.created_at)::float8 * 1000 end, case when n.is_step then extract(epoch from n.offered_at)::float8 * 1000 end,
  extract(epoch from n.last_seen_at)::float8 * 1000, extract(epoch from n.next_contact_by)::float8 * 1000,
  coalesce(n.connected, false), n.number
from named n, own
where case when n.arm is null then not n.is_step or n.offered_at > own.created_at else n.arm = 'a' end
order by number
