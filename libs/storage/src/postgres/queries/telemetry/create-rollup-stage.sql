-- Per connection, emptied by every commit: sums of hours, of spans (part, member, span_h) and of devices. A row stays together up to a
-- page: it lives for a moment.
create temp table if not exists rollup_stage (
  project_id uuid not null, device_id uuid, part text, member text, span_h smallint, at timestamptz not null,
  model_version_id uuid not null, type_id uuid, site text, schema_crc bigint not null, confidence_bins smallint not null,
  windows bigint not null, n bigint not null, classes bigint[] not null, ood bigint[], feature_counts bigint[], feature_sums bigint[],
  feature_min bigint[], feature_max bigint[], counters bigint[] not null, cycles_sum text not null, cycles_max bigint not null
) with (toast_tuple_target = 8160) on commit delete rows
