-- Rollouts that stand still while devices cannot reach us, and segments that went back for good.

-- Types and sites that were rolled back while the rest went on: [{deviceType, site}]. Nobody of them is offered it again.
alter table rollout add column rolled_back jsonb not null default '[]';
create function is_in_segment(segments jsonb, type text, site text) returns boolean language sql immutable as $$
  select exists (
    select from jsonb_to_recordset(segments) as s ("deviceType" text, "site" text)
    where (s."deviceType" is null or s."deviceType" = is_in_segment.type) and (s."site" is null or s."site" = is_in_segment.site))
$$;

-- A pulse that is older than this is an outage that is not over.
alter table edge_pulse add column outage_s double precision not null default 15;

-- Nobody could reach us lately, and the clocks of devices do not show it yet: nobody is judged meanwhile. A clock that jumps
-- forward looks the same, before and after it is written down as an outage.
create function devices_cannot_reach_us() returns boolean language sql stable as $$
  select coalesce((select alive_at < clock_timestamp() - make_interval(secs => outage_s) from edge_pulse), false)
    or exists (select from outage where applied_at is null)
$$;
create index outage_open_idx on outage (number) where applied_at is null;

-- A moment that lies in the future because the clock went back by so many seconds: as long ago as it was.
create function set_back(at timestamptz, seconds double precision) returns timestamptz language sql stable as $$
  select case when at > now() then at - make_interval(secs => seconds) else at end
$$;
alter table edge_pulse add column set_back_at timestamptz; -- the clock went back then
