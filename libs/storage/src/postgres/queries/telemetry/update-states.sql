-- What devices say about their update, the last report of each in a batch. A digest that is active now is taken over;
-- that of firmware is the running image's;
-- a device that leaves it out (reduced profile) speaks of the deployment that it echoes. Counts of sequence numbers come along:
-- those of another boot, and older ones, are left out.
update device_report r set
  update_state = t.update_state,
  error_code = t.error_code,
  firmware_digest = case when t.firmware then coalesce(t.active_digest, r.firmware_digest) else r.firmware_digest end,
  active_digest = coalesce(case when not t.firmware then t.active_digest end, (
    select ds.digest from desired_state ds
    where ds.project_id = t.project_id and ds.device_id = t.device_id and ds.deployment_number = t.deployment
      and t.deployment > 0 and t.update_state in ('soak', 'active') and not t.firmware
  ), r.active_digest),
  last_sequence = case when t.boot_id = r.boot_id then greatest(t.last_sequence, r.last_sequence) else r.last_sequence end,
  gaps = case when t.boot_id = r.boot_id and t.last_sequence >= r.last_sequence then t.gaps else r.gaps end
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bytea[], $6::bigint[], $7::boolean[], $8::bigint[], $9::bigint[], $10::bigint[])
  as t (project_id, device_id, update_state, error_code, active_digest, deployment, firmware, boot_id, last_sequence, gaps)
where r.project_id = t.project_id and r.device_id = t.device_id
