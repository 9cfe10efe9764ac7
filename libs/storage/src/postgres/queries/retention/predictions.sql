-- Predictions whose label never came, those that are counted in accuracy_hour, and labels whose prediction never came.
-- $1 projects, $2 removed what is before, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join prediction x on x.project_id = c.project_id and (x.at < c.before or x.at is null and x.noted_at < c.before)
  limit $3
), gone as (
  delete from prediction where ctid = any (array(select ctid from old)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
