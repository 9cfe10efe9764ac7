-- Deployments of a new rollout, or of devices that join it. $1 project, $2 rollout, $3-$12, $14 and $15 one array per column,
-- $13 their count. Numbers follow the order of the arrays.
with base as (select next_number($1, 'deployment', $13::bigint) as last)
insert into deployment (project_id, rollout_id, device_id, number, release_id, digest, step, bucket, state, error_code, reason, zone,
  not_before, arm, ability, finished_at)
select $1, $2, t.device_id, base.last - $13::bigint + t.i, t.release_id, t.digest, t.step, t.bucket, t.state, t.error_code, t.reason, t.zone,
  t.not_before, t.arm, t.ability, case when t.state in ('incompatible', 'aborted') then now() end
from base, unnest($3::uuid[], $4::uuid[], $5::bytea[], $6::int[], $7::int[], $8::text[], $9::int[], $10::text[], $11::text[], $12::timestamptz[], $14::text[],
    $15::uuid[])
  with ordinality as t (release_id, device_id, digest, step, bucket, state, error_code, reason, zone, not_before, arm, ability, i)
