-- Labels of a release that were asked for, not drawn. $1 project, $2 release, $3-$5 spans (hours, from, to)
select coalesce(sum(a.asked), 0)::int as n
from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
join accuracy_span a on a.project_id = $1 and a.span_h = s.span_h and a.at >= s.from_at and a.at < s.to_at
where a.model_version_id = (
  select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and m.name || '@' || v.version = $2)
