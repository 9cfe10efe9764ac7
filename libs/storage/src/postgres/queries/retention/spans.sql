-- Sums of spans that are over, and counts of devices by day. $1 projects, $2 removed what is before, $3 at most so many. By project: how
-- many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  cross join (values ('all'), ('type'), ('site')) as p (part)
  cross join (values (1), (6), (24)) as s (hours)
  join rollup_span x on x.project_id = c.project_id and x.part = p.part and x.span_h = s.hours
    and x.at < c.before - make_interval(hours => s.hours)
  limit $3
), gone as (
  delete from rollup_span where ctid = any (array(select ctid from old)) returning project_id
), days as (
  delete from device_count_day x using unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  where x.project_id = c.project_id and x.day < (c.before at time zone 'UTC')::date - 1
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
