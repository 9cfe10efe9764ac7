-- Does a range hold more than $4 windows? Reads at most one more than that.
-- $1 project, $2 from, $3 to, $4 limit
select count(*) > $4 as more
from (
  select 1 from telemetry_window where project_id = $1 and window_start >= $2 and window_start < $3 limit $4 + 1
) some_windows
