-- Telling devices of another signing key where the key that they have is kept elsewhere (docs/design/releases.md).

-- ask: the whole down/ask, signed outside by the device's present key. Sent until the device has taken it; one that has taken
-- a later command refuses it, and another one is needed.
create table key_handover (
  project_id uuid not null,
  device_id uuid not null,
  key_id uuid not null,                      -- that it is told of
  signer_id uuid not null,                   -- that signs it
  counter bigint not null,
  ask bytea not null,
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade,
  foreign key (project_id, key_id) references signing_key (project_id, id) on delete cascade,
  foreign key (project_id, signer_id) references signing_key (project_id, id) on delete cascade
);
