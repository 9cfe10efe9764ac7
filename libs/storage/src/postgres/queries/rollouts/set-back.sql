-- The clock went back by $1 seconds: the soaks and waits of open rollouts are as long as they were. Like presence/set-back.sql.
with open as (
  update rollout set created_at = set_back(created_at, $1), step_started_at = set_back(step_started_at, $1),
    step_ended_at = set_back(step_ended_at, $1)
  where state in ('awaiting-approval', 'running', 'paused', 'rolling-back')
  returning project_id, id
)
update deployment dp set updated_at = set_back(dp.updated_at, $1), offered_at = set_back(dp.offered_at, $1),
  told_at = set_back(dp.told_at, $1), reached_at = set_back(dp.reached_at, $1), finished_at = set_back(dp.finished_at, $1),
  not_before = case when dp.updated_at > now() then dp.not_before - make_interval(secs => $1) else dp.not_before end
from open
where dp.project_id = open.project_id and dp.rollout_id = open.id and greatest(dp.updated_at, dp.finished_at) > now()
