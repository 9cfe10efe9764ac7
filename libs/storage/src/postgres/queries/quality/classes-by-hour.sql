-- Predictions per class by version, all confidence bins added, from hourly sums.
-- $1 project, $2 from, $3 to, $4 bucket seconds (whole hours), $5 model name or null
select at_ms, release, labels, array_agg(n order by class) as counts
from (
  select (extract(epoch from date_bin(make_interval(secs => $4), r.hour, to_timestamp(0))) * 1000)::float8 as at_ms,
         m.name || '@' || v.version as release,
         v.version_order,
         v.labels,
         ((cell.i - 1) / r.confidence_bins)::int as class,
         sum(cell.n)::float8 as n
  from rollup_hour r
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id
  cross join lateral unnest(r.classes) with ordinality as cell (n, i)
  where r.project_id = $1 and r.hour >= date_trunc('hour', $2::timestamptz) and r.hour < $3
    and ($5::text is null or m.name = $5)
  group by 1, 2, v.version_order, v.labels, 5
) by_class
group by at_ms, release, version_order, labels
order by at_ms, version_order, release
