-- What devices need beyond a full bundle: payloads of transfers, authenticated commands, another signing key.

-- ---------------------------------------------------------------- transfers

-- How the bytes of a bundle may travel (docs/design/transfer.md). A row is planned when a release is signed or a rollout
-- starts, computed by the compiler role and offered by ota. Full transfers have no row: their payload is the bundle.
create table transfer_payload (
  project_id uuid not null,
  target_digest bytea not null,              -- the bundle that comes out
  base_digest bytea not null,                -- delta: the bundle in a committed slot; else empty
  method text not null,                      -- wire transfer-method: compressed | delta
  block_bytes bigint not null,               -- flash sector of the devices it is for, at least 4096
  state text not null,                       -- queued | ready | useless (no smaller than full) | failed
  payload_digest bytea,                      -- null until ready
  bytes bigint,                              -- also of a useless one
  error text,                                -- of a failed one
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, target_digest, base_digest, method, block_bytes),
  foreign key (project_id, target_digest) references blob (project_id, digest) on delete cascade,
  foreign key (project_id, payload_digest) references blob (project_id, digest)
);
create index transfer_payload_payload_idx on transfer_payload (project_id, payload_digest);

-- The payload whose transfer has begun, so that a device is never sent from one to another in the middle; and whether the
-- device could not use a payload in this deployment, so that it gets the bundle as it is.
alter table desired_state add column transfer_digest bytea;
alter table desired_state add column full_only boolean not null default false;

-- Digests that a delta to this device may be made against: committed slots that the fetch does not destroy. `active` is
-- newer than `slots` when the device has switched since its last hello; then the other slots are not known.
create function transfer_bases(active bytea, slots jsonb, fetch_slot integer, capabilities bigint)
returns setof bytea language sql immutable parallel safe as $$
  select active where active is not null and capabilities & 64 = 0
  union
  select decode(s.slot ->> 'digest', 'hex') from jsonb_array_elements(slots) with ordinality as s (slot, i)
  where capabilities & 64 = 0 and s.i - 1 <> fetch_slot and s.slot ->> 'state' in ('active', 'retained')
    and exists (select from jsonb_array_elements(slots) as a (slot)
                where a.slot ->> 'state' = 'active' and a.slot ->> 'digest' = encode(active, 'hex'))
$$;

-- ---------------------------------------------------------------- commands

-- HMAC-SHA256(token, 'tinyfleet:device-key:1') under the instance secret: made when the token is, or seen at a connect;
-- null = the token was not seen since this migration. Counter of the last command: strictly rising on the wire.
alter table device add column sealed_key bytea;
alter table device add column ask_counter bigint not null default 0;

create table device_command (
  project_id uuid not null,
  id uuid not null,                          -- UUIDv7: commands of a device go out in this order
  device_id uuid not null,
  command text not null,                     -- wire command
  argument bigint,
  data bytea,
  state text not null default 'queued',      -- queued | sent | taken | refused | expired
  counter bigint,                            -- of its last sending
  sent_boot_id bigint,                       -- boot of the device then, and how many commands it had refused in it
  sent_refused bigint,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  sent_at timestamptz,
  finished_at timestamptz,
  primary key (project_id, id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 80);
create index device_command_device_idx on device_command (project_id, device_id, id);
create index device_command_open_idx on device_command (project_id, device_id) where state in ('queued', 'sent');

-- ---------------------------------------------------------------- keys and validity

-- next: devices are given it, nothing is signed with it yet. active: signs. retired: only hands over to the active one.
alter table signing_key add column state text not null default 'active';

-- The manifests of a release by further keys than the one it was signed with first (release.key_id).
create table release_manifest (
  project_id uuid not null,
  release_id uuid not null,
  type_id uuid not null,
  key_id uuid not null,
  manifest bytea not null,
  fallback_manifest bytea,
  primary key (project_id, release_id, type_id, key_id),
  foreign key (project_id, release_id, type_id) references release_artifact (project_id, release_id, type_id) on delete cascade,
  foreign key (project_id, key_id) references signing_key (project_id, id)
);

alter table release add column not_after timestamptz; -- condition not-after of its manifests: no offer afterwards
