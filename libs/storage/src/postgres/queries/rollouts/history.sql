-- What was told of a rollout while it ran: the last event of each of $3 equal parts of its life. $1 project, $2 number.
-- A way back may go on after the end; `at` finds the events by their block ranges.
with life as (
  select created_at as began, coalesce(finished_at + interval '1 minute', now()) as ended
  from rollout where project_id = $1 and number = $2
)
select distinct on (part) e.at, e.data ->> 'state' as state, (e.data ->> 'step')::int as step, e.data -> 'counts' as counts
from life, event e,
  lateral (select floor(extract(epoch from e.at - began) * $3 / (extract(epoch from ended - began) + 1)) as part) as p
where e.project_id = $1 and e.type = 'rollout.changed' and e.at between began and ended
  and e.data -> 'number' = to_jsonb($2::bigint)
order by part, e.number desc
