-- Sums of predictions by version and schema, as they lie: the caller adds what falls into one bucket.
-- $1 project, $2 bucket seconds (whole hours), $3-$5 spans (hours, from, to), $6 model name or null, $7 versions of rows whose lists are
-- known (sums-cache.ts)
select (extract(epoch from date_bin(make_interval(secs => $2), r.at, to_timestamp(0))) * 1000)::float8 as "atMs",
  m.name || '@' || v.version as release, r.schema_crc::float8 as "schemaCrc", r.confidence_bins::int as "confidenceBins",
  r.n::float8 as n, concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin) as version, case when k.version is null then r.classes::text end as classes,
  case when k.version is null then r.feature_counts::text end as "featureCounts", case when k.version is null then r.ood::text end as ood
from unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) as s (span_h, from_at, to_at)
join rollup_span r on r.project_id = $1 and r.part = 'all' and r.span_h = s.span_h and r.at >= s.from_at and r.at < s.to_at
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
left join unnest($7::text[]) as k (version) on k.version = concat(pg_relation_filenode(r.tableoid), r.ctid, r.xmin)
where $6::text is null or m.name = $6
order by r.at, v.version_order, release
