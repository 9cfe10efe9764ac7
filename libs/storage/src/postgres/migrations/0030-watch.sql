-- A watch has a frame of its own, so that other settings stop none; and it may begin with what validation data said of a build.

alter table quality_watch
  alter column baseline drop not null,       -- null: nobody declared a healthy period; it began with the build's
  add column from_at timestamptz,            -- of round 0
  add column healthy_rounds integer,         -- that teach it
  add column season text not null default 'day',
  add column watermark integer not null default 6,
  add column condition_by text,
  add column build jsonb,                    -- {release, reference}: validation data that the fleet and versions are judged against
  add column compared bytea,                 -- BuildComparison.save
  add column quiet_until integer;            -- rounds up to it were judged before: judged again without telling

update quality_watch w set from_at = b.from_at,
  healthy_rounds = floor(extract(epoch from b.to_at - b.from_at) * 1000 / w.round_ms)
from quality_baseline b where b.project_id = w.project_id and b.number = w.baseline;
update quality_watch w set season = coalesce(s.settings ->> 'season', 'day'),
  watermark = coalesce((s.settings ->> 'watermarkRounds')::integer, 6), condition_by = s.settings ->> 'conditionBy'
from quality_settings s where s.project_id = w.project_id;

alter table quality_watch
  alter column from_at set not null,
  alter column healthy_rounds set not null;
