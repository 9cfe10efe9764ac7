-- Devices that refused the way to their own version before, because its slot is gone: the release's fallback manifest leads to
-- the release before it, and no device refuses that as a downgrade. Firmware that came before a model likewise. $1 project, $2 rollout.
with chosen as (
  select dp.device_id, dp.number, dp.release_id, way.digest, way.is_image,
    row_number() over (order by dp.number) as i, count(*) over () as n
  from deployment dp
  join device d on d.project_id = dp.project_id and d.id = dp.device_id
  join desired_state ds on ds.project_id = dp.project_id and ds.device_id = dp.device_id and ds.deployment_number = dp.number
  join release_artifact a on a.project_id = dp.project_id and a.release_id = dp.release_id and a.type_id = d.type_id
  left join release_firmware rf on dp.component = 'firmware' and rf.project_id = dp.project_id and rf.release_id = dp.release_id
    and rf.type_id = d.type_id
  cross join lateral (
    select rf.digest is not null as is_image, case when rf.digest is null then a.fallback_digest else rf.fallback_digest end as digest,
      case when rf.digest is null then a.fallback_manifest else rf.fallback_manifest end as manifest
  ) as way
  where dp.project_id = $1 and dp.rollout_id = $2 and dp.back and dp.state = 'failed' and not ds.fallback
    and (not way.is_image or ds.digest = dp.previous_firmware) -- it was told to, and refused
    and way.manifest is not null and not exists (
      select from (
        select project_id, release_id, type_id, bundle_digest from release_artifact
        union all
        select project_id, release_id, type_id, digest from release_firmware where way.is_image
      ) as ga join release gone on gone.project_id = ga.project_id and gone.id = ga.release_id
      where ga.project_id = a.project_id and ga.type_id = a.type_id and ga.bundle_digest = way.digest
      having bool_and(gone.state = 'revoked'))
), base as (
  select next_number($1, 'desired', n) - n as revision from (select n from chosen limit 1) as one
), told as (
  update desired_state ds set revision = base.revision + c.i, release_id = c.release_id, digest = c.digest, fallback = true,
    shadow_every = null, updated_at = now(), transfer_digest = null, full_only = false
  from chosen c, base where ds.project_id = $1 and ds.device_id = c.device_id
)
update deployment dp set state = 'returning',
  previous_digest = case when c.is_image then dp.previous_digest else c.digest end,
  previous_firmware = case when c.is_image then c.digest else dp.previous_firmware end, error_code = null, reason = '', updated_at = now(),
  told_at = now(), finished_at = null
from chosen c
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = c.device_id
