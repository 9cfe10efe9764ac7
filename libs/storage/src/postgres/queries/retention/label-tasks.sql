-- Tasks of the labelling queue, done or not. $1 projects, $2 removed what is before, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join label_task x on x.project_id = c.project_id and x.created_at < c.before
  limit $3
), gone as (
  delete from label_task where ctid = any (array(select ctid from old)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
