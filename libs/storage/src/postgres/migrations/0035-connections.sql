-- Connections of devices, for the timeline of each: a row is written when one begins or ends, and goes with the events of its time.
create table connection (
  project_id uuid not null,
  device_id uuid not null,
  began_at timestamptz not null,
  ended_at timestamptz,                        -- null: it goes on, or another one or an outage of ours ended it
  primary key (project_id, device_id, began_at),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 90);
create index connection_began_idx on connection using brin (began_at);
