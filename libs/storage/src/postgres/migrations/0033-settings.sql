-- Commands that set something until the device's next boot (set-cadence, set-edges, capture): the last one of each kind is kept, and asked
-- again when a hello shows that the device does not have it.
alter table device_command
  add column kept boolean not null default false,
  add column mark bigint,                    -- as hello tells it (settings), 0 = nothing is to be set
  add column build bytea;                    -- first 8 bytes of the digest of the one build that it is for, null: any
create unique index device_command_kept_idx on device_command (project_id, device_id, command) where kept;
