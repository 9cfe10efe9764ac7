-- Clocks of boots that no window can need any more. A boot is over when its device had another one; if that one began before $2, the
-- windows of the one before it began earlier still, and are not taken any more. The clock of a device's newest boot stays, however old.
-- $1 projects, $2 times, $3 at most so many. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join boot_clock x on x.project_id = c.project_id and x.created_at < c.before
  where exists (
    select from boot_clock n where n.project_id = x.project_id and n.device_id = x.device_id
      and n.created_at > x.created_at and n.created_at < c.before
  )
  limit $3
), gone as (
  delete from boot_clock where ctid = any (array(select ctid from old)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from gone group by project_id
