-- The same for rollup_device_day; devices that are gone are skipped. The first windows of a device on a day with a version count it in
-- device_count_day: with several schemas of one version it has several rows, and counts once.
with summed as (
  insert into rollup_device_day as x (project_id, device_id, day, model_version_id, type_id, site, schema_crc, confidence_bins, windows, n, classes, ood,
    feature_counts, feature_sums, feature_min, feature_max, counters, cycles_sum, cycles_max)
  select s.project_id, s.device_id, (s.at at time zone 'UTC')::date, s.model_version_id, s.type_id, s.site, s.schema_crc,
    s.confidence_bins, s.windows, s.n, s.classes, s.ood,
    s.feature_counts, s.feature_sums, s.feature_min, s.feature_max, s.counters, s.cycles_sum::numeric, s.cycles_max
  from rollup_stage s
  join device d on d.project_id = s.project_id and d.id = s.device_id
  order by s.device_id, s.at, s.model_version_id, s.schema_crc, s.confidence_bins
  on conflict (project_id, device_id, day, model_version_id, schema_crc, confidence_bins) do update set
    windows = x.windows + excluded.windows, n = x.n + excluded.n,
    classes = case when x.classes is null then excluded.classes when excluded.classes is null then x.classes else
      array(select coalesce(p, 0) + coalesce(q, 0) from unnest(x.classes, excluded.classes) with ordinality as t (p, q, i) order by i) end,
    ood = case when x.ood is null then excluded.ood when excluded.ood is null then x.ood else
      array(select coalesce(p, 0) + coalesce(q, 0) from unnest(x.ood, excluded.ood) with ordinality as t (p, q, i) order by i) end,
    feature_counts = case when x.feature_counts is null then excluded.feature_counts when excluded.feature_counts is null then x.feature_counts else
      array(select coalesce(p, 0) + coalesce(q, 0) from unnest(x.feature_counts, excluded.feature_counts) with ordinality as t (p, q, i) order by i) end,
    feature_sums = case when x.feature_sums is null then excluded.feature_sums when excluded.feature_sums is null then x.feature_sums else
      array(select greatest(-bound, least(bound, coalesce(p, 0))) + greatest(-bound, least(bound, coalesce(q, 0))) from unnest(x.feature_sums, excluded.feature_sums) with ordinality as t (p, q, i), (select 4611686018427387903) as b (bound) order by i) end,
    feature_min = case when x.feature_min is null then excluded.feature_min when excluded.feature_min is null then x.feature_min else
      array(select least(p, q) from unnest(x.feature_min, excluded.feature_min) with ordinality as t (p, q, i) order by i) end,
    feature_max = case when x.feature_max is null then excluded.feature_max when excluded.feature_max is null then x.feature_max else
      array(select greatest(p, q) from unnest(x.feature_max, excluded.feature_max) with ordinality as t (p, q, i) order by i) end,
    counters = case when x.counters is null then excluded.counters when excluded.counters is null then x.counters else
      array(select coalesce(p, 0) + coalesce(q, 0) from unnest(x.counters, excluded.counters) with ordinality as t (p, q, i) order by i) end,
    cycles_sum = x.cycles_sum + excluded.cycles_sum, cycles_max = greatest(x.cycles_max, excluded.cycles_max)
  returning project_id, day, model_version_id, device_id, schema_crc, confidence_bins, xmax = 0 as is_new
), fresh as (
  select distinct s.project_id, s.day, s.model_version_id, s.device_id
  from summed s
  where s.is_new and not exists (
    select from rollup_device_day o where o.project_id = s.project_id and o.device_id = s.device_id and o.day = s.day
      and o.model_version_id = s.model_version_id)
)
insert into device_count_day as x (project_id, day, model_version_id, devices)
select project_id, day, model_version_id, count(*) from fresh
group by 1, 2, 3 order by 1, 2, 3
on conflict (project_id, day, model_version_id) do update set devices = x.devices + excluded.devices
