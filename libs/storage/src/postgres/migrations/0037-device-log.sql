-- Errors that devices report, counted by day: what a deployment keeps is only its last one. Removed with refused messages.
create table device_error (
  project_id uuid not null,
  device_id uuid not null,
  day date not null,
  code integer not null,                     -- registered number; 0: none that is registered, whichever
  number integer not null,                   -- as it was reported last
  count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  rollout_id uuid,                           -- of the deployment that it last spoke of, whose number changes when it is taken back; null: of none
  primary key (project_id, device_id, day, code),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 70);
create index device_error_day_idx on device_error (project_id, day);
