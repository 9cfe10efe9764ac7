-- What devices say about their update, the last report of each in a batch. A digest that is active now is taken over;
-- a device that leaves it out (reduced profile) speaks of the deployment that it echoes.
update device_report r set
  update_state = t.update_state,
  error_code = t.error_code,
  active_digest = coalesce(t.active_digest, (
    select ds.digest from desired_state ds
    where ds.project_id = t.project_id and ds.device_id = t.device_id and ds.deployment_number = t.deployment
      and t.deployment > 0 and t.update_state in ('soak', 'active')
  ), r.active_digest)
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bytea[], $6::bigint[])
  as t (project_id, device_id, update_state, error_code, active_digest, deployment)
where r.project_id = t.project_id and r.device_id = t.device_id
