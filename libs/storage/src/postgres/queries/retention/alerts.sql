-- Alerts that are over, with their history; not those whose watch has not let go of them yet. $1 projects, $2 removed what ended
-- before, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join alert x on x.project_id = c.project_id and x.state = 'resolved' and x.resolved_at < c.before
  where x.released or not exists (select from quality_watch w where w.project_id = x.project_id and w.id = x.watch_id)
  limit $3
), gone as (
  delete from alert where ctid = any (array(select ctid from old)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
