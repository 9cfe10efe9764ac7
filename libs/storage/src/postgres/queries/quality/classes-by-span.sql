-- Predictions per class by version, as they lie: the caller adds what falls into one bucket.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null
select (extract(epoch from date_bin(make_interval(secs => $2), r.at, to_timestamp(0))) * 1000)::float8 as "atMs", v.release,
  r.class_counts::text as counts
from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
join rollup_span r on r.project_id = $1 and r.part = 'all' and r.span_h = s.span_h and r.at >= s.from_at and r.at < s.to_at
join (
  select v.id, v.version_order, m.name || '@' || v.version as release
  from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and ($6::text is null or m.name = $6)
) v on v.id = r.model_version_id
order by 1, v.version_order, v.release
