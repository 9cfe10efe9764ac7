-- Labelled predictions and hits by version, from hourly sums.
-- $1 project, $2 from, $3 to, $4 bucket seconds (whole hours), $5 model name or null
select (extract(epoch from date_bin(make_interval(secs => $4), a.hour, to_timestamp(0))) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       sum(a.n)::float8 as labels,
       coalesce(sum(a.n) filter (where a.label = a.predicted), 0)::float8 as correct
from accuracy_hour a
join model_version v on v.project_id = a.project_id and v.id = a.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where a.project_id = $1 and a.hour >= date_trunc('hour', $2::timestamptz) and a.hour < $3
  and ($5::text is null or m.name = $5)
group by 1, 2, v.version_order
order by 1, v.version_order, 2
