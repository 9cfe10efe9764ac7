-- Adds sums to rollup_hour: arrays travel as JSON, one document per row. Projects that are gone are skipped.
insert into rollup_hour as x (project_id, model_version_id, type_id, site, hour, schema_crc, confidence_bins, windows, n, classes, ood,
  feature_counts, feature_sums, feature_min, feature_max, counters, cycles_sum, cycles_max)
select project_id, model_version_id, type_id, site, hour, schema_crc, confidence_bins, windows, n, classes, ood,
  feature_counts, feature_sums, feature_min, feature_max, counters, cycles_sum, cycles_max
from jsonb_to_recordset($1::jsonb) as t (project_id uuid, model_version_id uuid, type_id uuid, site text, hour timestamptz, schema_crc bigint,
  confidence_bins smallint, windows bigint, n bigint, classes bigint[], ood bigint[], feature_counts bigint[], feature_sums bigint[],
  feature_min bigint[], feature_max bigint[], counters bigint[], cycles_sum numeric, cycles_max bigint)
where exists (select from project p where p.id = t.project_id)
on conflict (project_id, model_version_id, type_id, site, hour, schema_crc, confidence_bins) do update set
  windows = x.windows + excluded.windows, n = x.n + excluded.n, classes = array_sum(x.classes, excluded.classes),
  ood = array_sum(x.ood, excluded.ood), feature_counts = array_sum(x.feature_counts, excluded.feature_counts),
  feature_sums = array_sum(x.feature_sums, excluded.feature_sums), feature_min = array_least(x.feature_min, excluded.feature_min),
  feature_max = array_greatest(x.feature_max, excluded.feature_max), counters = array_sum(x.counters, excluded.counters),
  cycles_sum = x.cycles_sum + excluded.cycles_sum, cycles_max = greatest(x.cycles_max, excluded.cycles_max)
