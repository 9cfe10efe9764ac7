-- Deployments that devices speak of, locked. Arrays: project, device, deployment number; 0 = the one desired now.
-- One that is meant both ways comes twice.
select dp.project_id as "projectId", dp.rollout_id as "rolloutId", dp.device_id as "deviceId", d.name as device, dp.number, ro.number as rollout,
  dp.state, case when dp.back then dp.previous_digest else dp.digest end as digest, dp.offset_bytes as "offset", case when dp.component = 'firmware' then coalesce(rf.bytes, a.bundle_bytes) else a.bundle_bytes end as bytes,
  dp.component, dp.back as "isBack", case when not dp.back then rf.digest when dp.previous_firmware <> rf.digest then dp.previous_firmware end as "imageDigest",
  way.release_id as "imageRelease", way.fallback as "imageFallback", rep.firmware_digest as "runningImage", coalesce(ds.deployment_number = dp.number, false) as "isDesired",
  ro.kind = 'shadow' as "isShadow", ds.revision::float8 as revision, coalesce(ds.full_only, false) as "fullOnly",
  coalesce(ds.transfer_digest <> ds.digest, false) as "payloadBegun"
from (select distinct * from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as u (project_id, device_id, number)) as q
left join desired_state ds on ds.project_id = q.project_id and ds.device_id = q.device_id
join deployment dp on dp.project_id = q.project_id and dp.device_id = q.device_id
  and dp.number = case when q.number = 0 then ds.deployment_number else q.number end
join device d on d.project_id = dp.project_id and d.id = dp.device_id
join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
left join release_artifact a on a.project_id = dp.project_id and a.release_id = dp.release_id and a.type_id = d.type_id
left join release_firmware rf on rf.project_id = dp.project_id and rf.release_id = dp.release_id and rf.type_id = d.type_id
left join device_report rep on rf.digest is not null and rep.project_id = dp.project_id and rep.device_id = dp.device_id
left join lateral image_way_back(dp.project_id, dp.release_id, d.type_id, dp.previous_firmware) as way
  on dp.back and dp.component = 'model' and dp.previous_firmware <> rf.digest
order by dp.project_id, dp.number
for update of dp
