-- Sums by device and day. $1 projects, $2 removed what is before, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join rollup_device_day x on x.project_id = c.project_id and x.day < (c.before at time zone 'UTC')::date
  limit $3
), gone as (
  delete from rollup_device_day where ctid = any (array(select ctid from old)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
