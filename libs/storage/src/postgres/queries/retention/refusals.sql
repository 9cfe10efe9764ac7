-- Refused messages, with their first bytes, and errors that devices reported. $1 projects, $2 removed what is before, $3 at most so many
-- of each. By project: how many went.
with old as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join ingest_refusal x on x.project_id = c.project_id and x.day < (c.before at time zone 'UTC')::date
  limit $3
), gone as (
  delete from ingest_refusal where ctid = any (array(select ctid from old)) returning project_id
), old_errors as (
  select x.ctid from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, before)
  join device_error x on x.project_id = c.project_id and x.day < (c.before at time zone 'UTC')::date
  limit $3
), gone_errors as (
  delete from device_error where ctid = any (array(select ctid from old_errors)) returning project_id
)
select project_id as "projectId", count(*)::int as rows from (select * from gone union all select * from gone_errors) as g
group by project_id
