-- Takes what triggers noted since the last time into the counts. Who does it at the same moment waits and finds nothing left.
with gone as (
  delete from fleet_count_delta returning project_id, kind, key, delta
), sums as (
  select project_id, kind, key, sum(delta) as delta from gone group by 1, 2, 3 having sum(delta) <> 0
)
insert into fleet_count as c (project_id, kind, key, count)
select s.project_id, s.kind, s.key, s.delta
from sums s join project p on p.id = s.project_id order by 1, 2, 3
on conflict (project_id, kind, key) do update set count = c.count + excluded.count
