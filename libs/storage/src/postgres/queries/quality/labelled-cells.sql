-- Labels by what was predicted and how surely, of predictions that chance chose.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null, $7 release or null
with wanted as (
  select v.id, m.name || '@' || v.version as release
  from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and ($6::text is null or m.name = $6) and ($7::text is null or m.name || '@' || v.version = $7)
)
select (extract(epoch from c.at) * 1000)::float8 as "atMs", w.release, c.predicted, c.bin, c.n, c.correct
from (
  select date_bin(make_interval(secs => $2), a.at, to_timestamp(0)) as at, a.model_version_id, a.predicted::int, a.confidence_bin::int as bin,
    sum(a.n)::float8 as n, sum(a.correct)::float8 as correct
  from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
  join accuracy_cell a on a.project_id = $1 and a.span_h = s.span_h and a.at >= s.from_at and a.at < s.to_at
  where a.model_version_id in (select id from wanted)
  group by 1, 2, 3, 4
  having sum(a.n) > 0
) c
join wanted w on w.id = c.model_version_id
order by c.at, w.release, c.predicted, c.bin
