-- Labels of spans and days that are over. $1 projects, $2 removed what is before, $3 at most so many of each table. By project: how
-- many went.
with c as (
  select project_id, before, hours from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  cross join (values (1), (6), (24)) as s (hours)
), spans as (
  delete from accuracy_span where ctid = any (array(
    select x.ctid from c join accuracy_span x on x.project_id = c.project_id and x.span_h = c.hours
      and x.at < c.before - make_interval(hours => c.hours) limit $3))
  returning project_id
), cells as (
  delete from accuracy_cell where ctid = any (array(
    select x.ctid from c join accuracy_cell x on x.project_id = c.project_id and x.span_h = c.hours
      and x.at < c.before - make_interval(hours => c.hours) limit $3))
  returning project_id
), days as (
  delete from confusion_day where ctid = any (array(
    select x.ctid from c join confusion_day x on x.project_id = c.project_id and x.day < c.before - interval '1 day'
    where c.hours = 24 limit $3))
  returning project_id
)
select project_id as "projectId", count(*)::int as rows
from (select * from spans union all select * from cells union all select * from days) as gone
group by project_id
