-- Presence learns each device's usual gap, tells sleepers from strays, and stops its clocks while we were away ourselves.

alter table presence
  add column duty_cycle_s integer,             -- declared in hello; null = none
  add column usual_gap_s real,                 -- running mean of the time away between two contacts, our outages left out
  add column lost_at timestamptz,              -- silent until then, lost after
  add column outage bigint not null default 0; -- newest outage that next_contact_by accounts for
create index presence_due_idx on presence (next_contact_by) where not connected;

-- Times in which no device could reach us: nobody is late for them.
create table outage (
  number bigint generated always as identity primary key,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  reason text not null,                        -- edge: it was not running; database: it could not write
  applied_at timestamptz                       -- when the clocks of devices that were away had been moved
);
create index outage_ended_idx on outage (ended_at);

-- One row: when the edge was last known to run, and up to when silence has been told to readers of events.
create table edge_pulse (
  only_row boolean primary key default true check (only_row),
  alive_at timestamptz not null,
  announced_to timestamptz not null
);
