-- Labels by what was predicted and how surely, of predictions that chance chose, as they lie: the caller adds what falls into one bucket.
-- For each span and version the cells as columns: as rows of their own they take three times as long, added here another half.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null, $7 release or null
with wanted as (
  select v.id, m.name || '@' || v.version as release
  from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and ($6::text is null or m.name = $6) and ($7::text is null or m.name || '@' || v.version = $7)
), spans as (
  select a.at, a.model_version_id, array_agg(a.predicted::int * 16 + a.confidence_bin)::text as cells, array_agg(a.n)::text as n,
    array_agg(a.correct)::text as correct
  from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
  join accuracy_cell a on a.project_id = $1 and a.span_h = s.span_h and a.at >= s.from_at and a.at < s.to_at
  where a.n > 0 and a.model_version_id in (select id from wanted)
  group by a.span_h, a.at, a.model_version_id
)
select (extract(epoch from date_bin(make_interval(secs => $2), s.at, to_timestamp(0))) * 1000)::float8 as "atMs", w.release,
  s.cells, s.n, s.correct
from spans s join wanted w on w.id = s.model_version_id
order by 1, 2, s.at
