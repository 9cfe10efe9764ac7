-- Windows of boots that never knew the time lie in one partition; they are as old as their arrival. $1 projects, $2 removed what is
-- before, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join telemetry_window x on x.project_id = c.project_id and x.window_start < '1970-01-02T00:00:00Z' and x.received_at < c.before
  limit $3
), gone as (
  -- Of one partition: ctid is unique in it.
  delete from telemetry_window where window_start < '1970-01-02T00:00:00Z' and ctid = any (array(select ctid from old))
  returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
