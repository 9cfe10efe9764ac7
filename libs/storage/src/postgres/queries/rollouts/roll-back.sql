-- Devices that run the release, or may by now, are told to run what they ran before, under a deployment number of its own: a
-- message, and a download only where the slot is gone. $1 project, $2 rollout, $3 type and $4 site or null. The manifest is the
-- release's own fallback where it leads to that very bundle, since a device takes it also when its slot is gone; else that of
-- the release before. Of a release with firmware before its model the model goes back first, and then the firmware
-- (next-component.sql): the old model has run on the new firmware, and the new model may not run on the old one. Where the model was
-- not offered yet, or is the same, the firmware goes back at once. Nobody goes back to a bundle whose every release was revoked.
with chosen as (
  select dp.device_id, dp.number, dp.release_id, dp.digest, dp.previous_digest, m.component,
    coalesce(a.fallback_manifest is not null and a.fallback_digest = dp.previous_digest, false) and not exists (
      select from release_artifact ga join release gone on gone.project_id = ga.project_id and gone.id = ga.release_id
      where ga.project_id = dp.project_id and ga.type_id = d.type_id and ga.bundle_digest = dp.previous_digest
      having bool_and(gone.state = 'revoked')) as fallback, prior.release_id as prior,
    case when dp.component = 'firmware' or dp.previous_digest = dp.digest then image.release_id end as image_release,
    image.fallback as image_fallback, dp.previous_firmware
  from deployment dp
  join device d on d.project_id = dp.project_id and d.id = dp.device_id
  join device_type t on t.project_id = d.project_id and t.id = d.type_id
  join release r on r.project_id = dp.project_id and r.id = dp.release_id
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id
  join desired_state ds on ds.project_id = dp.project_id and ds.device_id = dp.device_id and ds.deployment_number = dp.number
  left join release_artifact a on a.project_id = dp.project_id and a.release_id = dp.release_id and a.type_id = d.type_id
  left join lateral (
    select pa.release_id from (
      select project_id, release_id, type_id, bundle_digest, manifest from release_artifact
      union all
      -- An image may have come before a model.
      select project_id, release_id, type_id, digest, manifest from release_firmware where m.component = 'firmware'
    ) as pa join release pr on pr.project_id = pa.project_id and pr.id = pa.release_id
    where pa.project_id = dp.project_id and pa.type_id = d.type_id and pa.bundle_digest = dp.previous_digest
      and pa.manifest is not null and pr.state in ('approved', 'deprecated')
    order by (pa.release_id = dp.previous_release_id) desc nulls last, pr.sequence desc limit 1
  ) as prior on true
  left join release_firmware rf on rf.project_id = dp.project_id and rf.release_id = dp.release_id and rf.type_id = d.type_id
    and rf.digest <> dp.previous_firmware
  left join lateral image_way_back(dp.project_id, dp.release_id, d.type_id, dp.previous_firmware) as image on rf.digest is not null
  where dp.project_id = $1 and dp.rollout_id = $2 and ($3::text is null or t.name = $3) and ($4::text is null or d.site = $4)
    and dp.state in ('offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'active', 'silent', 'unreached')
  order by dp.number
  for update of dp
), numbered as (
  select c.*, row_number() over (order by c.number) as i, count(*) over () as n from chosen c
  where c.image_release is not null or c.previous_digest <> c.digest and (c.fallback or c.prior is not null)
), base as (
  select next_number($1, 'desired', n) - n as revision, next_number($1, 'deployment', n) - n as number
  from (select n from numbered limit 1) as one
), told as (
  update desired_state ds set revision = base.revision + n.i, deployment_number = base.number + n.i,
    release_id = coalesce(n.image_release, case when n.fallback then n.release_id else n.prior end),
    digest = case when n.image_release is null then n.previous_digest else n.previous_firmware end,
    fallback = case when n.image_release is null then n.fallback else n.image_fallback end,
    shadow_every = null, updated_at = now(), transfer_digest = null, full_only = false, offer_until = null
  from numbered n, base where ds.project_id = $1 and ds.device_id = n.device_id
)
update deployment dp set state = 'returning', back = true, component = case when n.image_release is null then n.component else 'firmware' end,
  number = base.number + n.i, error_code = null, reason = '',
  told_at = now(), updated_at = now(), finished_at = null
from numbered n, base
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = n.device_id
