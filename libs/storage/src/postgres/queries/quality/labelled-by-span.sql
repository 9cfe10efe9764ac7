-- Labelled predictions and hits by version, of predictions that chance chose.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null
with sums as (
  select date_bin(make_interval(secs => $2), a.at, to_timestamp(0)) as at, a.model_version_id, sum(a.labels)::float8 as labels,
    sum(a.correct)::float8 as correct
  from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
  join accuracy_span a on a.project_id = $1 and a.span_h = s.span_h and a.at >= s.from_at and a.at < s.to_at
  where a.labels > 0
  group by 1, 2
)
select (extract(epoch from s.at) * 1000)::float8 as at_ms, m.name || '@' || v.version as release, s.labels, s.correct
from sums s
join model_version v on v.project_id = $1 and v.id = s.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where $6::text is null or m.name = $6
order by s.at, v.version_order, release
