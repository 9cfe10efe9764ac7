-- Labels by what was predicted and how surely, of predictions that chance chose: for each bucket and version the cells as columns,
-- because as rows of their own they take three times as long. $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to),
-- $6 model name or null, $7 release or null
with wanted as (
  select v.id, m.name || '@' || v.version as release
  from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and ($6::text is null or m.name = $6) and ($7::text is null or m.name || '@' || v.version = $7)
), cells as (
  select date_bin(make_interval(secs => $2), a.at, to_timestamp(0)) as at, a.model_version_id, a.predicted, a.confidence_bin as bin,
    -- The sum of bigints is a numeric.
    sum(a.n::float8) as n, sum(a.correct::float8) as correct
  from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
  join accuracy_cell a on a.project_id = $1 and a.span_h = s.span_h and a.at >= s.from_at and a.at < s.to_at
  where a.model_version_id in (select id from wanted)
  group by 1, 2, 3, 4
  having sum(a.n::float8) > 0
  order by 1, 2, 3, 4
), buckets as (
  select at, model_version_id, array_agg(predicted)::text as predicted, array_agg(bin)::text as bin, array_agg(n)::text as n,
    array_agg(correct)::text as correct
  from cells group by 1, 2
)
select (extract(epoch from b.at) * 1000)::float8 as "atMs", w.release, b.predicted, b.bin, b.n, b.correct
from buckets b join wanted w on w.id = b.model_version_id
order by b.at, w.release
