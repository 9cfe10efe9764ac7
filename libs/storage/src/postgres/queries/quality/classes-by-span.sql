-- Predictions per class by version. $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null
-- Names join the sums of buckets: texts in the key of each row would cost more than the rows.
with by_class as (
  select date_bin(make_interval(secs => $2), r.at, to_timestamp(0)) as at, r.model_version_id, c.class, sum(c.n)::float8 as n
  from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
  join rollup_span r on r.project_id = $1 and r.part = 'all' and r.span_h = s.span_h and r.at >= s.from_at and r.at < s.to_at
  cross join lateral unnest(r.class_counts) with ordinality as c (n, class)
  group by 1, 2, 3
), counts as (
  select at, model_version_id, json_agg(n order by class) as counts from by_class group by 1, 2
)
select (extract(epoch from c.at) * 1000)::float8 as at_ms, m.name || '@' || v.version as release, to_json(v.labels) as labels, c.counts
from counts c
join model_version v on v.project_id = $1 and v.id = c.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where $6::text is null or m.name = $6
order by c.at, v.version_order, release
