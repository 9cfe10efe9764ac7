-- What devices say about their update, the last report of each in a batch. A digest that is active now is taken over.
update device_report r set
  update_state = t.update_state,
  error_code = t.error_code,
  active_digest = coalesce(t.active_digest, r.active_digest)
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bytea[]) as t (project_id, device_id, update_state, error_code, active_digest)
where r.project_id = t.project_id and r.device_id = t.device_id
