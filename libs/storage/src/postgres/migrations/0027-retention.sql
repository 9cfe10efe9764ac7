-- How long telemetry and what is made of it is kept, and how far removing has come.

-- Days; null: windows as long as the instance keeps them, sums for good. No row: retentionDefaults.
create table retention_settings (
  project_id uuid primary key references project (id) on delete cascade,
  window_days integer,
  hour_days integer,
  device_day_days integer,
  refusal_days integer not null,
  prediction_days integer not null,
  alert_days integer not null,
  changed_at timestamptz not null default now()
);

create table retention_state (
  project_id uuid primary key references project (id) on delete cascade,
  -- Windows that began before it may be gone: one that comes again is refused, or it would be counted twice. Never goes back.
  windows_from timestamptz not null,
  removed_at timestamptz,                    -- of what was removed last
  removed jsonb not null default '{}'        -- rows by kind (contracts RetentionKind)
);

-- A label that came before its prediction has no time but this one.
alter table prediction add column noted_at timestamptz not null default now();
