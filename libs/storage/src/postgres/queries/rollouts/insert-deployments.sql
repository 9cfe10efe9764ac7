-- All deployments of a new rollout. $1 project, $2 rollout, $3 release, $4-$10 one array per column, $11 their count.
with base as (select next_number($1, 'deployment', $11::bigint) as last)
insert into deployment (project_id, rollout_id, device_id, number, release_id, digest, step, bucket, state, error_code, reason, finished_at)
select $1, $2, t.device_id, base.last - $11::bigint + t.i, $3, t.digest, t.step, t.bucket, t.state, t.error_code, t.reason,
  case when t.state = 'incompatible' then now() end
from base, unnest($4::uuid[], $5::bytea[], $6::int[], $7::int[], $8::text[], $9::int[], $10::text[]) with ordinality
  as t (device_id, digest, step, bucket, state, error_code, reason, i)
