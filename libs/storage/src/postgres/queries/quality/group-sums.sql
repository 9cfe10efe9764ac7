-- Sums of predictions and features by group, as they lie: the caller adds what falls into one bucket.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model, $7 release or null, $8 version, type or site,
-- $9 versions of rows whose lists are known (sums-cache.ts)
select (extract(epoch from date_bin(make_interval(secs => $2), r.at, to_timestamp(0))) * 1000)::float8 as "atMs", v.release,
  case $8::text when 'type' then t.name when 'site' then r.member else v.release end as "group", r.schema_crc::float8 as "schemaCrc",
  r.confidence_bins::int as "confidenceBins", r.n::float8 as n, concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin) as version,
  case when k.version is null then r.classes::text end as classes, case when k.version is null then r.feature_counts::text end as "featureCounts",
  case when k.version is null then r.feature_sums::text end as "featureSums", case when k.version is null then r.ood::text end as ood
from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
join rollup_span r on r.project_id = $1 and r.part = case $8::text when 'version' then 'all' else $8::text end and r.span_h = s.span_h
  and r.at >= s.from_at and r.at < s.to_at
join (
  select v.id, m.name || '@' || v.version as release
  from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and m.name = $6 and ($7::text is null or m.name || '@' || v.version = $7)
) v on v.id = r.model_version_id
left join device_type t on t.project_id = $1 and t.id::text = r.member
left join unnest($9::text[]) as k (version) on k.version = concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin)
order by r.at, 4
