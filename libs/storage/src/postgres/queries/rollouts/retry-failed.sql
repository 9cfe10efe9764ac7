-- Devices that reported a failure which may be tried again: they wait for their next offer. $1 project, $2 rollout,
-- $3 RetryPolicy, $4 error numbers and $5 their classes ('' = never); any other error is 'rejected'.
with failed as (
  select dp.device_id, k.class, $3::jsonb -> k.class as policy, coalesce((dp.retries ->> k.class)::int, 0) as tried
  from deployment dp
  left join unnest($4::int[], $5::text[]) as known (error, class) on known.error = dp.error_code
  cross join lateral (select coalesce(known.class, 'rejected') as class) as k
  where dp.project_id = $1 and dp.rollout_id = $2 and dp.state = 'failed' and dp.reason = '' and not dp.back
    and coalesce((dp.retries ->> k.class)::int, 0) < ($3::jsonb -> k.class ->> 'max')::int
  for update of dp
)
update deployment dp set state = 'waiting', updated_at = now(), finished_at = null,
  retries = dp.retries || jsonb_build_object(f.class, f.tried + 1),
  not_before = now() + make_interval(secs => least((f.policy ->> 'maxBackoffSeconds')::float8,
    (f.policy ->> 'backoffSeconds')::float8 * 2 ^ f.tried))
from failed f
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = f.device_id
