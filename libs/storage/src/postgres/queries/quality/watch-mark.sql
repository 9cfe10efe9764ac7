-- Whether anything that watching goes by was set up since: settings, declared periods, windows of projects, builds; and what the sums of
-- today and yesterday have of models that no watch has, in projects that could have one.
select concat_ws('/',
  (select sum(number) from quality_baseline), (select sum(revision) from quality_settings),
  (select count(*) from build_baseline), (select max(created_at) from build_baseline),
  (select count(*) from project), (select sum(window_s) from project)) as mark,
  array(
    select json_build_object('projectId', v.project_id, 'schema', concat_ws('/', v.model_id, s.schema_crc, s.confidence_bins))
    from project p
    join rollup_span s on s.project_id = p.id and s.part = 'all' and s.span_h = 24
      and s.at >= date_trunc('day', now(), 'UTC') - interval '1 day'
    join model_version v on v.project_id = s.project_id and v.id = s.model_version_id
    where (exists (select from build_baseline where project_id = p.id) or exists (select from quality_baseline where project_id = p.id))
      and not exists (
        select from quality_watch w where w.project_id = v.project_id and w.model_id = v.model_id
          and w.schema_crc = s.schema_crc and w.confidence_bins = s.confidence_bins)
    group by v.project_id, v.model_id, s.schema_crc, s.confidence_bins
    order by v.project_id, v.model_id, s.schema_crc, s.confidence_bins) as unwatched
