-- Devices that were called active and whose telemetry since then comes from another bundle, all of it: they lied, or somebody
-- flashed them. $1 project, $2 rollout. A window that began within a minute of the report may have been the old version's; and
-- after the clock went back nobody knows which came first.
with heard as (
  select dp.device_id, bool_or(w.build_prefix = substring(dp.digest for 8)) as confirmed
  from deployment dp
  join release r on r.project_id = dp.project_id and r.id = dp.release_id
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'model'
  join desired_state ds on ds.project_id = dp.project_id and ds.device_id = dp.device_id and ds.deployment_number = dp.number
  join telemetry_window w on w.project_id = dp.project_id and w.device_id = dp.device_id
    and w.window_start > dp.finished_at + interval '1 minute'
  where dp.project_id = $1 and dp.rollout_id = $2 and dp.state = 'active' and w.component = 0
    and w.window_start between now() - interval '3 hours' and now()
    and not exists (select from edge_pulse where set_back_at > now() - interval '3 hours')
  group by dp.device_id
)
update deployment dp set state = 'reverted', reason = 'it said active, and its telemetry comes from another bundle', updated_at = now()
from heard h
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = h.device_id and not h.confirmed
