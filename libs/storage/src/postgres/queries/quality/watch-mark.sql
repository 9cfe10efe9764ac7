-- Whether anything that watching goes by was set up since: settings, declared periods, windows of projects, builds.
select concat_ws('/',
  (select sum(number) from quality_baseline), (select sum(revision) from quality_settings),
  (select count(*) from build_baseline), (select max(created_at) from build_baseline),
  (select count(*) from project), (select sum(window_s) from project)) as mark
