-- The counts that are kept of a project, with what is not folded in yet, and those whose time ran out by their clocks: of one
-- moment. $1 project, $2 digests of bundles that have a release, hexadecimal.
select kind, key, sum(n)::float8 as count from (
  select kind, key, count as n from fleet_count where project_id = $1
  union all
  select kind, key, delta from fleet_count_delta where project_id = $1
) as kept
where kind <> 'bundle' or left(key, 64) = any ($2::text[])
group by 1, 2 having sum(n) <> 0
union all
select case when duty_cycle_s is null then 'away' else 'asleep' end,
  case when lost_at <= now() then 'lost' else 'silent' end, count(*)::float8
from (
  select duty_cycle_s, lost_at from presence where project_id = $1 and not connected and next_contact_by <= now()
  union all
  select duty_cycle_s, lost_at from presence where project_id = $1 and not connected and next_contact_by is null
) as overdue
group by 1, 2
