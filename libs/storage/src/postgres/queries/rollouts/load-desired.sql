-- What devices are told. Arrays: project, device; answers carry their position. No manifest for the device's type: no bundle.
select q.i::int as position, q.device_id as "deviceId", coalesce(ds.revision, 0)::float8 as revision,
  coalesce(ds.deployment_number, 0)::float8 as deployment, r.soak_s as "soakS",
  case when ds.fallback then a.fallback_manifest else a.manifest end as manifest,
  case when ds.fallback then a.fallback_digest else a.bundle_digest end as digest,
  (select b.bytes::float8 from blob b where b.project_id = ds.project_id
     and b.digest = case when ds.fallback then a.fallback_digest else a.bundle_digest end) as bytes
from unnest($1::uuid[], $2::uuid[]) with ordinality as q (project_id, device_id, i)
join device d on d.project_id = q.project_id and d.id = q.device_id
left join desired_state ds on ds.project_id = q.project_id and ds.device_id = q.device_id
left join release r on r.project_id = ds.project_id and r.id = ds.release_id and r.state = 'signed'
left join release_artifact a on a.project_id = r.project_id and a.release_id = r.id and a.type_id = d.type_id
