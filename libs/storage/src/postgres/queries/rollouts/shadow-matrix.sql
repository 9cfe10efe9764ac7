-- Which class was taken for which in the shadow runs of rollout $2 of project $1. Each device counts in a square of its own size.
select (cell.i - 1) / cell.classes as active, (cell.i - 1) % cell.classes as shadow, sum(cell.n)::float8 as count
from rollout ro
join shadow_count c on c.project_id = ro.project_id and c.rollout_id = ro.id
cross join lateral (
  select n, i::int as i, sqrt(cardinality(c.disagreed))::int as classes from unnest(c.disagreed) with ordinality as l (n, i)
) as cell
where ro.project_id = $1 and ro.number = $2 and cell.n > 0
group by 1, 2 order by 1, 2
