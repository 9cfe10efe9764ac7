-- Offers the release: sets what is desired and notes what was, for the way back. $1 project, $2 rollout, $3 steps up to this,
-- $4 at most so many, $5 now, $6 jitter in seconds, $7 zones with an open window and $8 when it closes (null: any time),
-- $9 least battery percent, $10 connections. A device has one deployment at a time: of those that wait, the rollout of the
-- highest priority has it, then the newest. None of a type or site that went back is offered it again. Devices that run the bundle
-- already are active at once; they are told all the same. Firmware that the release brings comes first where it does not run yet.
-- A shadow takes the slot that the way back of any other rollout needs: it waits until none has the device, and no soak is open.
with own as materialized (
  select ro.step_started_at + make_interval(secs => outage_seconds(ro.step_started_at, $5)) as step_started_at,
    ro.created_at, ro.rolled_back, ro.priority, ro.number, ro.kind = 'shadow' as is_shadow,
    (ro.strategy -> 'shadow' ->> 'every')::int as shadow_every
  from rollout ro where ro.project_id = $1 and ro.id = $2
), due as (
  select dp.device_id, dp.number, dp.release_id, dp.digest, dp.offered_at, z.until, r.firmware_digest, dm.component,
    case when dm.component = 'model' then r.active_digest when runs_firmware(r, dp.digest, dv.version) then dp.digest
      else r.firmware_digest end as active_digest,
    rf.digest is not null and not runs_firmware(r, rf.digest, rf.version) as needs_firmware,
    p.connected is not true as away, own.shadow_every,
    case when ds.shadow_every is null then ds.digest end as desired_digest,
    case when ds.shadow_every is null then ds.release_id end as desired_release
  from own
  join deployment dp on dp.project_id = $1 and dp.rollout_id = $2 and dp.state = 'waiting' and dp.step <= $3
  join release dr on dr.project_id = $1 and dr.id = dp.release_id
  join model_version dv on dv.project_id = $1 and dv.id = dr.model_version_id
  join model dm on dm.project_id = $1 and dm.id = dv.model_id
  join device d on d.project_id = $1 and d.id = dp.device_id and d.state not in ('suspended', 'retired')
  join device_type t on t.project_id = $1 and t.id = d.type_id
  left join release_firmware rf on rf.project_id = $1 and rf.release_id = dp.release_id and rf.type_id = d.type_id
  left join update_rule u on u.project_id = $1 and u.device_id = dp.device_id
  left join device_report r on r.project_id = $1 and r.device_id = dp.device_id
  left join presence p on p.project_id = $1 and p.device_id = dp.device_id
  left join desired_state ds on ds.project_id = $1 and ds.device_id = dp.device_id
  left join unnest($7::text[], $8::timestamptz[]) as z (zone, until) on z.zone = dp.zone
  -- What has changed since it was judged is judged first (changed-abilities.sql).
  where dp.ability is not distinct from r.ability and (dp.not_before is null or dp.not_before <= $5)
    and own.step_started_at + make_interval(secs => $6::float8 * dp.bucket / 10000) <= $5
    and ($7::text[] is null or z.zone is not null)
    and ($9::int is null or case jsonb_typeof(r.reported -> 'battery') when 'number' then (r.reported -> 'battery')::numeric >= $9
      else true end)
    and ($10::text[] is null or coalesce(d.desired ->> 'connection', r.reported ->> 'connection') = any ($10))
    and (u.kind is null or u.kind = 'pin' and u.release_id = dp.release_id or u.kind = 'hold' and u.until <= $5)
    and (own.rolled_back = '[]' or not is_in_segment(own.rolled_back, t.name, d.site))
    and not exists (
      select from deployment o join rollout oro on oro.project_id = $1 and oro.id = o.rollout_id
      where o.project_id = $1 and o.device_id = dp.device_id and o.rollout_id <> $2 and (
        o.state in ('offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'returning')
          and oro.state in ('awaiting-approval', 'running', 'paused', 'rolling-back')
        or own.is_shadow and oro.state in ('awaiting-approval', 'running', 'paused', 'rolling-back')
          and (o.state = 'shadow' or oro.kind <> 'shadow' and o.state not in ('incompatible', 'aborted', 'held'))
        or o.state = 'waiting' and oro.state = 'running' and o.step <= oro.step
          and (oro.priority, oro.number) > (own.priority, own.number)))
    and not (own.is_shadow and coalesce(r.update_state in ('verified', 'staged', 'trial', 'soak'), false))
    and not exists (
      select from release wr join model_version wv on wv.project_id = $1 and wv.id = wr.model_version_id
      where wr.project_id = $1 and wr.id = ds.release_id and wv.model_id = dv.model_id and wr.sequence > dr.sequence
        and ds.updated_at > own.created_at and not ds.fallback and ds.shadow_every is null)
  order by dp.number limit $4
  for update of dp
), numbered as (
  select due.*, row_number() over (order by due.number) as i, count(*) over () as n from due
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from numbered limit 1) as one
), told as (
  insert into desired_state as x (project_id, device_id, revision, deployment_number, release_id, digest, fallback, offer_until, updated_at,
    shadow_every)
  select $1, n.device_id, base.first + n.i, n.number, n.release_id, n.digest, false, n.until, now(), n.shadow_every
  from numbered n, base
  where n.shadow_every is null or n.active_digest is distinct from n.digest
  order by n.device_id
  on conflict (project_id, device_id) do update set revision = excluded.revision, deployment_number = excluded.deployment_number,
    release_id = excluded.release_id, digest = excluded.digest, fallback = false, offer_until = excluded.offer_until, updated_at = now(),
    shadow_every = excluded.shadow_every,
    transfer_digest = case when x.digest = excluded.digest then x.transfer_digest end,
    full_only = x.full_only and x.deployment_number = excluded.deployment_number
), counted as (
  insert into rollout_offer (project_id, rollout_id, at, devices) select $1, $2, $5, n from numbered limit 1
), forgotten as (
  delete from rollout_offer where project_id = $1 and rollout_id = $2 and at < $5::timestamptz - interval '2 minutes'
)
update deployment dp set
  state = case when n.active_digest is distinct from n.digest or n.needs_firmware then 'offered' when n.shadow_every is null then 'active' else 'incompatible' end,
  component = case when n.needs_firmware then 'firmware' else n.component end,
  previous_firmware = case when n.offered_at is null then n.firmware_digest else dp.previous_firmware end,
  attempts = dp.attempts + 1, error_code = null,
  reason = case when n.shadow_every is not null and n.active_digest = n.digest then 'it runs this very bundle already' else '' end, not_before = null, reached_at = null, away = n.away,
  -- What it runs is what it goes back to, the very model where only firmware is new; what was desired counts for a device that has
  -- not said.
  previous_digest = case when n.offered_at is not null then dp.previous_digest when n.needs_firmware then coalesce(n.active_digest, n.desired_digest)
    else coalesce(nullif(n.active_digest, n.digest), n.desired_digest) end,
  previous_release_id = case when n.offered_at is null then n.desired_release else dp.previous_release_id end,
  offered_at = coalesce(dp.offered_at, now()), told_at = now(), updated_at = now(),
  finished_at = case when n.active_digest = n.digest and not n.needs_firmware then now() end
from numbered n
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = n.device_id
