-- A million devices: reports ordered by name, patterns that begin with `*`, counts of the fleet that are kept, and bulk
-- actions that run as jobs (docs/design/registry.md).

-- ---------------------------------------------------------------- reports in the order of lists

-- The device's name, which never changes: a page by release, firmware or state of the update is a range of one index.
-- The column is filled before the indexes are made again: an update of all rows would write each of them a million times.
drop index device_report_reported_idx;
drop index device_report_firmware_idx;
drop index device_report_firmware_order_idx;
drop index device_report_active_idx;
drop index device_report_update_idx;
alter table device_report add column name text collate "C";
update device_report r set name = d.name from device d where d.project_id = r.project_id and d.id = r.device_id;
alter table device_report alter column name set not null;
create unique index device_report_name_key on device_report (project_id, name);
create index device_report_reported_idx on device_report using gin (reported jsonb_path_ops);
create index device_report_firmware_idx on device_report (project_id, firmware_order, name);
create index device_report_active_idx on device_report (project_id, active_digest, name);
create index device_report_update_idx on device_report (project_id, update_state, name);

-- ---------------------------------------------------------------- patterns

-- Trigrams find `*-0777777` and `*pump*`. The extension comes with Postgres and may be made by who owns the database; a server
-- that has none or forbids it reads all names instead.
do $$
begin
  create extension if not exists pg_trgm;
  create index device_name_trigram_idx on device using gin (name gin_trgm_ops);
exception when insufficient_privilege or feature_not_supported or undefined_file then
  raise notice 'without pg_trgm: patterns that begin with * read every name';
end $$;

-- ---------------------------------------------------------------- counts of the fleet

-- Devices of a project by kind: type (its id), state, bundle (hexadecimal digest@sequence of the release it names),
-- presence (connected | away | asleep; away and asleep ones are split by their clocks when somebody looks).
-- The truth is the sum of both tables. Triggers append what a statement changed to fleet_count_delta, in its
-- transaction and without touching a row that another one waits for; the edge folds deltas into fleet_count.
create table fleet_count (
  project_id uuid not null,
  kind text not null,
  key text not null,
  count bigint not null,
  primary key (project_id, kind, key),
  constraint fleet_count_project_fkey foreign key (project_id) references project (id) on delete cascade
) with (fillfactor = 50);
create table fleet_count_delta (
  project_id uuid not null,
  kind text not null,
  key text not null,
  delta bigint not null
);

create function count_devices() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into fleet_count_delta
      select project_id, 'type', type_id::text, count(*) from added group by 1, 3
      union all select project_id, 'state', state, count(*) from added group by 1, 3;
  elsif tg_op = 'DELETE' then
    insert into fleet_count_delta
      select project_id, 'type', type_id::text, -count(*) from gone group by 1, 3
      union all select project_id, 'state', state, -count(*) from gone group by 1, 3;
  else
    insert into fleet_count_delta
      select project_id, 'state', state, sum(n) from (
        select project_id, state, 1 as n from added union all select project_id, state, -1 from gone) as changed
      group by 1, 3 having sum(n) <> 0;
  end if;
  return null;
end $$;
create trigger device_added after insert on device
  referencing new table as added for each statement execute function count_devices();
create trigger device_gone after delete on device
  referencing old table as gone for each statement execute function count_devices();
create trigger device_changed after update on device
  referencing old table as gone new table as added for each statement execute function count_devices();

-- Of reports most updates change nothing that is counted, and the rows are wide: looked at row by row, without a copy.
create function count_bundles() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into fleet_count_delta
      select project_id, 'bundle', encode(active_digest, 'hex') || '@' || release_sequence, count(*) from added
      where active_digest is not null group by 1, 3;
  else
    insert into fleet_count_delta
      select project_id, 'bundle', encode(active_digest, 'hex') || '@' || release_sequence, -count(*) from gone
      where active_digest is not null group by 1, 3;
  end if;
  return null;
end $$;
create function count_bundle_change() returns trigger language plpgsql as $$
begin
  if old.active_digest is not null then
    insert into fleet_count_delta
    values (old.project_id, 'bundle', encode(old.active_digest, 'hex') || '@' || old.release_sequence, -1);
  end if;
  if new.active_digest is not null then
    insert into fleet_count_delta
    values (new.project_id, 'bundle', encode(new.active_digest, 'hex') || '@' || new.release_sequence, 1);
  end if;
  return null;
end $$;
create trigger device_report_added after insert on device_report
  referencing new table as added for each statement execute function count_bundles();
create trigger device_report_gone after delete on device_report
  referencing old table as gone for each statement execute function count_bundles();
create trigger device_report_changed after update on device_report for each row
  when (old.active_digest is distinct from new.active_digest or old.release_sequence <> new.release_sequence)
  execute function count_bundle_change();

create function presence_kind(connected boolean, duty_cycle_s integer) returns text language sql immutable as $$
  select case when connected then 'connected' when duty_cycle_s is null then 'away' else 'asleep' end
$$;
create function count_presence() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into fleet_count_delta
      select project_id, 'presence', presence_kind(connected, duty_cycle_s), count(*) from added group by 1, 3;
  elsif tg_op = 'DELETE' then
    insert into fleet_count_delta
      select project_id, 'presence', presence_kind(connected, duty_cycle_s), -count(*) from gone group by 1, 3;
  else
    insert into fleet_count_delta
      select project_id, 'presence', kind, sum(n) from (
        select project_id, presence_kind(connected, duty_cycle_s) as kind, 1 as n from added
        union all select project_id, presence_kind(connected, duty_cycle_s), -1 from gone) as changed
      group by 1, 3 having sum(n) <> 0;
  end if;
  return null;
end $$;
create trigger presence_added after insert on presence
  referencing new table as added for each statement execute function count_presence();
create trigger presence_gone after delete on presence
  referencing old table as gone for each statement execute function count_presence();
create trigger presence_changed after update on presence
  referencing old table as gone new table as added for each statement execute function count_presence();

insert into fleet_count
  select project_id, 'type', type_id::text, count(*) from device group by 1, 3
  union all select project_id, 'state', state, count(*) from device group by 1, 3
  union all select project_id, 'bundle', encode(active_digest, 'hex') || '@' || release_sequence, count(*)
    from device_report where active_digest is not null group by 1, 3
  union all select project_id, 'presence', presence_kind(connected, duty_cycle_s), count(*) from presence group by 1, 3;

-- Those whose time ran out are counted by this index alone: silent and lost.
create index presence_overdue_idx on presence (project_id, next_contact_by) include (lost_at, duty_cycle_s)
  where not connected;

-- ---------------------------------------------------------------- bulk actions as jobs

-- Changes of more devices than one transaction takes. Which devices is decided when it is made; each part is changed, and
-- removed, in one transaction, so that a part is done exactly once whoever dies.
create table bulk_action (
  project_id uuid not null,
  id uuid not null,
  state text not null,                       -- waiting | running | done | failed | cancelled
  filter text not null,
  change jsonb not null,
  matched bigint not null,
  handled bigint not null default 0,         -- of them, so far
  changed bigint not null default 0,
  problem jsonb,                             -- why it failed
  cancelled_by text,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, id),
  constraint bulk_action_project_fkey foreign key (project_id) references project (id) on delete cascade
) with (fillfactor = 70);
create index bulk_action_open_idx on bulk_action (project_id) where finished_at is null;

create table bulk_action_part (
  project_id uuid not null,
  action_id uuid not null,
  number integer not null,
  device_ids uuid[] not null,                -- in order
  primary key (project_id, action_id, number),
  foreign key (project_id, action_id) references bulk_action (project_id, id) on delete cascade
);
