-- The registry grows up: states of devices, what people note about them, attributes, groups, revisions for optimistic
-- updates, and the indexes that keep lists and filters of a million devices fast (docs/design/registry.md).

-- ---------------------------------------------------------------- revisions: +1 on every change by people

alter table project add column revision bigint not null default 1;
alter table device_type add column revision bigint not null default 1;

-- ---------------------------------------------------------------- devices

-- State: registered | claimed | active | suspended | retired; libs/registry/src/device-state.ts has the transitions.
-- claimed_at: it proved that it holds a credential of its own. Desired attributes are by people: {key: text | number |
-- boolean}, their version grows with every change of them.
alter table device
  add column state text not null default 'registered',
  add column claimed_at timestamptz,
  add column notes text not null default '',
  add column hardware_revision text not null default '',
  add column location text not null default '',
  add column latitude double precision,      -- degrees, WGS 84; both or none
  add column longitude double precision,
  add column desired_version bigint not null default 0,
  add column revision bigint not null default 1;
alter table device rename column attributes to desired;

update device d set state = case
  when not d.enabled then 'suspended'
  when exists (select from device_report r where r.project_id = d.project_id and r.device_id = d.id) then 'active'
  else 'registered' end;
alter table device drop column enabled;

-- Names are ASCII: in byte order a prefix is a range of the index and pages follow the same order on every server.
alter table device alter column name type text collate "C";

-- Equality by each of these, a page in order of names at any depth.
drop index device_type_idx;
create index device_type_idx on device (project_id, type_id, name);
create index device_site_idx on device (project_id, site, name) where site <> '';
create index device_state_idx on device (project_id, state, name);
create index device_hardware_idx on device (project_id, hardware_revision, name) where hardware_revision <> '';
create index device_created_idx on device (project_id, created_at, name);
create index device_desired_idx on device using gin (desired jsonb_path_ops) where desired <> '{}';

-- ---------------------------------------------------------------- what devices report

-- Reported attributes: the latest of hello and telemetry. firmware_order sorts as the version does; null: no version.
alter table device_report
  add column reported jsonb not null default '{}',
  add column reported_version bigint not null default 0,
  add column firmware_order text collate "C";
create index device_report_reported_idx on device_report using gin (reported jsonb_path_ops);
create index device_report_firmware_idx on device_report (project_id, firmware_version);
create index device_report_firmware_order_idx on device_report (project_id, firmware_order);
create index device_report_active_idx on device_report (project_id, active_digest);
create index device_report_update_idx on device_report (project_id, update_state);

create index presence_seen_idx on presence (project_id, last_seen_at, device_id);

-- ---------------------------------------------------------------- groups

-- static: members by name. dynamic: a saved filter. The count of a static group is kept by the trigger below, that of a
-- dynamic one is as old as counted_at says.
create table device_group (
  project_id uuid not null,
  id uuid not null,
  name text collate "C" not null,
  kind text not null,                        -- static | dynamic
  filter text,                               -- of a dynamic one
  notes text not null default '',
  count bigint not null default 0,
  counted_at timestamptz,                    -- null: never, or static
  revision bigint not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint device_group_name_key unique (project_id, name),
  constraint device_group_project_fkey foreign key (project_id) references project (id) on delete cascade,
  constraint device_group_filter_check check ((kind = 'dynamic') = (filter is not null))
) with (fillfactor = 70);

create table device_group_member (
  project_id uuid not null,
  group_id uuid not null,
  device_id uuid not null,
  primary key (project_id, group_id, device_id),
  foreign key (project_id, group_id) references device_group (project_id, id) on delete cascade,
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);
create index device_group_member_device_idx on device_group_member (project_id, device_id);

-- Keeps static counts in the transaction of the change. Groups are locked in one order, so that two changes of several
-- groups wait for each other instead of ending each other.
create function count_group_members() returns trigger language plpgsql as $$
begin
  perform from device_group g where (g.project_id, g.id) in (select project_id, group_id from changed)
    order by g.project_id, g.id for update;
  update device_group g set count = g.count + c.n * case tg_op when 'INSERT' then 1 else -1 end
  from (select project_id, group_id, count(*) as n from changed group by 1, 2) as c
  where g.project_id = c.project_id and g.id = c.group_id;
  return null;
end $$;
create trigger device_group_member_added after insert on device_group_member
  referencing new table as changed for each statement execute function count_group_members();
create trigger device_group_member_gone after delete on device_group_member
  referencing old table as changed for each statement execute function count_group_members();
