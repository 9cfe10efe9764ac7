-- Devices whose time ran out since silence was last told: at least the oldest $1, with all that share the last one's time.
with due as (
  select x.project_id, d.name, x.next_contact_by as at
  from edge_pulse p
  join presence x on not x.connected and x.next_contact_by > p.announced_to and x.next_contact_by <= now()
  join device d on d.project_id = x.project_id and d.id = x.device_id
  order by x.next_contact_by
  fetch first ($1::int) rows with ties
), told as (
  update edge_pulse set announced_to = (select max(at) from due) where exists (select 1 from due)
)
select project_id as "projectId", array_agg(name order by name) as names from due group by project_id
