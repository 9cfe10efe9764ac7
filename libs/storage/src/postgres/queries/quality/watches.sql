-- The watches of a project, with the names that the newest build gives to the features. $1 project
select w.id, w.baseline, w.model_id as "modelId", m.name as model, w.schema_crc::float8 as "schemaCrc",
  w.confidence_bins::int as "confidenceBins", w.class_count::int as "classCount", w.reference -> 'labels' as labels, w.part, w.state,
  w.reason, w.round_ms as "roundMs", extract(epoch from w.from_at)::float8 * 1000 as "fromMs", w.healthy_rounds as "healthyRounds",
  w.watermark, w.season, w.condition_by as "conditionBy", w.reference, w.build, w.closed_round as "closedRound",
  extract(epoch from w.read_at)::float8 * 1000 as "readAtMs", w.stream_count as "streamCount", w.quiet_until as "quietUntil",
  w.arl0, w.too_late as "tooLate", jsonb_array_length(w.devices) as devices,
  (select jsonb_path_query_array(b.data, '$.features[*].name') from build_baseline b
   join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
   where b.project_id = $1 and v.model_id = w.model_id and b.schema_crc = w.schema_crc order by b.created_at desc limit 1) as names
from quality_watch w join model m on m.project_id = w.project_id and m.id = w.model_id
where w.project_id = $1 order by m.name, w.schema_crc, w.part
