-- Labels of a release by true and predicted class, of predictions that chance chose: of the classes with the most labels one by one,
-- the others together as null. Whole days from their sums, the hours around them from those of hours.
-- $1 project, $2 release, $3-$5 spans (hours, from, to), $6 how many classes
with wanted as (
  select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and m.name || '@' || v.version = $2
), pairs as (
  select label, predicted, sum(n) as n from (
    select c.label, c.predicted, c.n
    from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
    join confusion_day c on c.project_id = $1 and c.model_version_id = (select id from wanted) and c.day >= s.from_at and c.day < s.to_at
    where s.span_h = 24
    union all
    select a.label, a.predicted, a.n
    from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
    join accuracy_hour a on a.project_id = $1 and a.hour >= s.from_at and a.hour < s.to_at
    where s.span_h < 24 and a.model_version_id = (select id from wanted) and a.by_chance
  ) as both_of group by 1, 2 having sum(n) > 0
), listed as (
  select class from (select label as class, n from pairs union all select predicted, n from pairs) as seen
  group by class order by sum(n) desc, class limit $6::integer
)
select l.class::int as label, p.class::int as predicted, sum(n)::float8 as n
from pairs
left join listed l on l.class = pairs.label
left join listed p on p.class = pairs.predicted
group by 1, 2
order by 1, 2
