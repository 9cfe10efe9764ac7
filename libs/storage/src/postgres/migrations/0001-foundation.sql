-- Foundation schema: every table of the first release. Hand-written, runs once inside one transaction.
-- Keys and foreign keys of tenant data start with project_id, so a reference across projects cannot be stored.
-- SQL stays within Postgres 15. UUIDs (version 7) are made by the server. Units are in the names.

-- ---------------------------------------------------------------- instance and people

create table instance (
  key text primary key,
  value jsonb not null
);

create table person (
  id uuid primary key,
  email text not null,                       -- lower case
  name text not null,
  password_hash text not null,               -- argon2id, PHC string
  instance_admin boolean not null default false,
  created_at timestamptz not null default now(),
  constraint person_email_key unique (email)
);

create table project (
  id uuid primary key,
  name text not null,
  title text not null default '',
  simulated boolean not null default false,
  window_s integer not null default 3600,    -- telemetry window asked of devices
  pick_every integer not null default 0,     -- keep every n-th prediction for labelling; 0 = none
  created_at timestamptz not null default now(),
  constraint project_name_key unique (name)
);

create table member (
  project_id uuid not null,
  person_id uuid not null,
  role text not null,                        -- viewer | operator | developer | admin
  primary key (project_id, person_id),
  constraint member_project_fkey foreign key (project_id) references project (id) on delete cascade,
  constraint member_person_fkey foreign key (person_id) references person (id) on delete cascade
);

create table session (
  id_hash bytea primary key,                 -- SHA-256 of the cookie's value
  person_id uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint session_person_fkey foreign key (person_id) references person (id) on delete cascade
);
create index session_person_idx on session (person_id);

create table api_token (
  id uuid primary key,
  token_hash bytea not null,                 -- SHA-256 of 256 random bits
  person_id uuid,                            -- null: the instance's own token of the CLI context, an administrator
  project_id uuid,                           -- null: every project the person may see
  name text not null,
  prefix text not null,                      -- first characters, to tell tokens apart
  role text not null,                        -- never more than the person's own role
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  constraint api_token_hash_key unique (token_hash),
  constraint api_token_person_fkey foreign key (person_id) references person (id) on delete cascade,
  constraint api_token_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table setup_link (
  token_hash bytea primary key,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create table audit (
  id uuid primary key,
  at timestamptz not null default now(),
  project_id uuid,                           -- no foreign key: the log outlives the project
  project_name text,
  actor text not null,                       -- 'person:<email>' | 'token:<name>' | 'device:<name>' | 'system'
  action text not null,                      -- noun.verb
  target text not null,
  detail jsonb not null default '{}',
  request_id text
);
create index audit_project_idx on audit (project_id, id);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'table % is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger audit_append_only before update or delete on audit for each row execute function refuse_change();
create trigger audit_no_truncate before truncate on audit for each statement execute function refuse_change();

-- ---------------------------------------------------------------- numbers and events

-- One row per project and kind ('event', 'release', 'rollout', 'deployment', 'desired'). The row lock serializes
-- givers until commit, so numbers are without gaps and become visible in order.
create table project_counter (
  project_id uuid not null references project (id) on delete cascade,
  kind text not null,
  value bigint not null,
  primary key (project_id, kind)
) with (fillfactor = 50);

-- Reserves `count` numbers and returns the LAST of them.
create function next_number(p uuid, k text, count bigint default 1) returns bigint language sql as $$
  insert into project_counter as c (project_id, kind, value) values (p, k, count)
  on conflict (project_id, kind) do update set value = c.value + excluded.value
  returning value
$$;

-- The outbox: a row is written in the transaction of its cause. Readers go by (project_id, number).
create table event (
  project_id uuid not null references project (id) on delete cascade,
  number bigint not null,
  type text not null,                        -- noun.verb
  data jsonb not null,
  at timestamptz not null default now(),
  primary key (project_id, number)
);
create index event_at_idx on event using brin (at);

-- Call it last in a transaction, and for several projects in ascending order of their keys: it takes the
-- project's event counter until commit. NOTIFY only wakes readers, a poll catches up.
create function emit_event(p uuid, t text, d jsonb) returns bigint language plpgsql as $$
declare n bigint;
begin
  n := next_number(p, 'event');
  insert into event (project_id, number, type, data) values (p, n, t, d);
  perform pg_notify('tinyfleet_event', p::text || ':' || n::text);
  return n;
end $$;

-- How far a named reader (gate engine, webhook) has come; delivery is at least once.
create table event_cursor (
  consumer text not null,
  project_id uuid not null references project (id) on delete cascade,
  number bigint not null,
  primary key (consumer, project_id)
);

-- ---------------------------------------------------------------- blobs

-- Bytes live in the blob store under their SHA-256; a row here is a project's right to read them.
create table blob (
  project_id uuid not null,
  digest bytea not null,
  kind text not null,                        -- model | bundle | validation-inputs | validation-labels | generated
  bytes bigint not null,
  created_at timestamptz not null default now(),
  primary key (project_id, digest),
  constraint blob_project_fkey foreign key (project_id) references project (id) on delete cascade
);

-- ---------------------------------------------------------------- registry

create table device_type (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  builtin boolean not null,                  -- refreshed from the catalogue at start
  spec jsonb not null,                       -- contracts DeviceTypeSpec
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint device_type_name_key unique (project_id, name),
  constraint device_type_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table device (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  type_id uuid not null,
  token_hash bytea not null,                 -- SHA-256 of the device token
  site text not null default '',
  tags text[] not null default '{}',
  attributes jsonb not null default '{}',
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint device_name_key unique (project_id, name),
  constraint device_project_fkey foreign key (project_id) references project (id) on delete cascade,
  constraint device_type_fkey foreign key (project_id, type_id) references device_type (project_id, id)
);
create index device_type_idx on device (project_id, type_id);
create index device_tags_idx on device using gin (tags);

-- What the device said in its last hello and state: written by ota, never by people.
create table device_report (
  project_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,                   -- uint64 as two's complement
  hello_at timestamptz not null,
  firmware_version text not null,
  abi bigint not null,
  reset_cause smallint not null,
  slots jsonb not null,                      -- [{digest, state, releaseSequence, bytes, error?}]
  fetch_slot smallint not null,
  active_digest bytea,                       -- bundle in the active or trial slot
  release_sequence bigint not null default 0,
  floor bigint not null default 0,
  hello jsonb not null,                      -- the whole message, digests as hex
  update_state text not null default 'idle', -- wire update-state name
  error_code integer,
  last_sequence bigint not null default 0,   -- highest envelope sequence seen in this boot
  gaps bigint not null default 0,            -- sequence numbers of this boot never seen
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 70);

-- Narrow, written in batches at most once a minute and device (at once on connect and disconnect).
create table presence (
  project_id uuid not null,
  device_id uuid not null,
  connected boolean not null,
  last_seen_at timestamptz not null,
  next_contact_by timestamptz,               -- a device that is away is expected back by then; later it is silent
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 70);

-- Maps device milliseconds of one boot to unix time: decided by the boot's first hello, never changed,
-- because a redelivered window must fall on the same row.
create table boot_clock (
  project_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,
  offset_ms bigint not null,                 -- unix ms = offset_ms + device ms
  known boolean not null,                    -- the device itself had time
  created_at timestamptz not null default now(),
  primary key (project_id, device_id, boot_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);

-- ---------------------------------------------------------------- models and builds

create table model (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  title text not null default '',
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint model_name_key unique (project_id, name),
  constraint model_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table model_version (
  project_id uuid not null,
  id uuid not null,
  model_id uuid not null,
  version text not null,                     -- semantic version
  version_order text not null,               -- sorts as the version does
  format text not null,                      -- tflite
  file_name text not null,
  source_digest bytea not null,
  source_bytes bigint not null,
  contract jsonb not null,                   -- tensor contract and front end
  inspection jsonb not null,                 -- ops, MACs, tensors as the compiler saw them
  labels text[] not null,
  validation_inputs bytea,                   -- blob digest of an NPY file
  validation_labels bytea,
  validation_count integer,
  notes text not null default '',
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint model_version_key unique (project_id, model_id, version),
  constraint model_version_model_fkey foreign key (project_id, model_id) references model (project_id, id) on delete cascade,
  constraint model_version_source_fkey foreign key (project_id, source_digest) references blob (project_id, digest)
);

create table build (
  project_id uuid not null,
  id uuid not null,
  model_version_id uuid not null,
  type_id uuid not null,
  state text not null,                       -- queued | running | succeeded | failed | cancelled
  stage text not null default '',
  progress real not null default 0,          -- 0..1
  options jsonb not null default '{}',
  source_digest bytea not null,
  options_digest bytea not null,             -- over options, labels, validation data, type spec and compiler version
  attempt integer not null default 1,
  bundle_digest bytea,
  bundle_bytes bigint,
  report jsonb,
  error jsonb,                               -- {code, data, text, diagnostics[]}
  created_by text not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  primary key (project_id, id),
  constraint build_key unique (project_id, model_version_id, type_id, options_digest),
  constraint build_version_fkey foreign key (project_id, model_version_id) references model_version (project_id, id) on delete cascade,
  constraint build_type_fkey foreign key (project_id, type_id) references device_type (project_id, id),
  constraint build_bundle_fkey foreign key (project_id, bundle_digest) references blob (project_id, digest)
);
create index build_source_idx on build (project_id, source_digest, type_id, options_digest);
create index build_bundle_idx on build (project_id, bundle_digest);

-- First 8 bytes of a bundle's digest (as telemetry names it) -> what it is. Kept when the build goes.
create table bundle_name (
  project_id uuid not null references project (id) on delete cascade,
  prefix bytea not null,
  digest bytea not null,
  model_version_id uuid not null,
  type_id uuid not null,
  classes smallint not null,                 -- length of the class axis of telemetry histograms
  schema_crc bigint not null,                -- CRC-32 of the monitors section; 0 = none
  primary key (project_id, prefix)
);

-- ---------------------------------------------------------------- keys and releases

create table signing_key (
  project_id uuid not null,
  id uuid not null,
  algorithm text not null,                   -- ed25519
  public_key bytea not null,                 -- raw 32 bytes
  private_key bytea,                         -- AES-256-GCM under the instance secret: nonce | tag | ciphertext; null = held elsewhere
  key_sequence integer not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  primary key (project_id, id),
  constraint signing_key_sequence_key unique (project_id, key_sequence),
  constraint signing_key_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table release (
  project_id uuid not null,
  id uuid not null,
  model_version_id uuid not null,
  sequence bigint not null,                  -- 2k; 2k+1 is its fallback's. Never reused
  state text not null,                       -- draft | signed | revoked
  floor bigint not null default 0,
  soak_s integer not null default 0,
  notes text not null default '',
  key_id uuid,
  previous_release_id uuid,                  -- what the fallback manifests lead back to
  provenance jsonb not null default '{}',
  created_by text not null,
  created_at timestamptz not null default now(),
  signed_at timestamptz,
  primary key (project_id, id),
  constraint release_sequence_key unique (project_id, sequence),
  constraint release_version_key unique (project_id, model_version_id),
  constraint release_version_fkey foreign key (project_id, model_version_id) references model_version (project_id, id) on delete cascade,
  constraint release_key_fkey foreign key (project_id, key_id) references signing_key (project_id, id)
);

create table release_artifact (
  project_id uuid not null,
  release_id uuid not null,
  type_id uuid not null,
  build_id uuid not null,
  bundle_digest bytea not null,
  bundle_bytes bigint not null,
  manifest bytea,                            -- signed SUIT envelope, sequence 2k
  fallback_manifest bytea,                   -- sequence 2k+1 over the previous release's digest
  fallback_digest bytea,
  primary key (project_id, release_id, type_id),
  constraint release_artifact_release_fkey foreign key (project_id, release_id) references release (project_id, id) on delete cascade,
  constraint release_artifact_build_fkey foreign key (project_id, build_id) references build (project_id, id),
  constraint release_artifact_type_fkey foreign key (project_id, type_id) references device_type (project_id, id),
  constraint release_artifact_bundle_fkey foreign key (project_id, bundle_digest) references blob (project_id, digest)
);
create index release_artifact_digest_idx on release_artifact (project_id, bundle_digest);

-- ---------------------------------------------------------------- rollouts and deployments

create table rollout (
  project_id uuid not null,
  id uuid not null,
  number bigint not null,                    -- per project; what people type
  release_id uuid not null,
  filter text not null,
  strategy jsonb not null,                   -- {steps: percents, maxFailurePercent, deviceTimeoutSeconds}
  state text not null,                       -- contracts RolloutState: running | paused | succeeded | failed | aborted
  step integer not null default 0,
  step_started_at timestamptz,
  reason text not null default '',           -- why it paused or failed
  supersede boolean not null default false,
  created_by text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, id),
  unique (project_id, number),
  foreign key (project_id, release_id) references release (project_id, id) on delete cascade
);
create index rollout_open_idx on rollout (state) where state in ('running', 'paused');

create table deployment (
  project_id uuid not null,
  rollout_id uuid not null,
  device_id uuid not null,
  number bigint not null,                    -- uint32 on the wire, per project
  release_id uuid not null,
  digest bytea not null,                     -- the bundle this device has to run
  step integer not null,                     -- the rollout step that admits it
  bucket integer not null,                   -- 0..9999, stable hash of the device: percent steps nest
  state text not null,                       -- contracts DeploymentState
  offset_bytes bigint not null default 0,
  error_code integer,
  detail bigint,
  attempts smallint not null default 0,
  self_test jsonb,
  reason text not null default '',           -- why it is incompatible, in words
  previous_digest bytea,                     -- what desired_state named before, for the way back
  previous_release_id uuid,
  offered_at timestamptz,
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, rollout_id, device_id),
  unique (project_id, number),
  foreign key (project_id, rollout_id) references rollout (project_id, id) on delete cascade,
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 70);
create index deployment_device_idx on deployment (project_id, device_id, number);
create index deployment_state_idx on deployment (project_id, rollout_id, state);

-- What a device is told when it says hello. One row per device, made at its first offer.
create table desired_state (
  project_id uuid not null,
  device_id uuid not null,
  revision bigint not null,                  -- uint32 on the wire; next_number(project, 'desired'), so readers follow changes by it
  deployment_number bigint not null default 0,
  release_id uuid,
  digest bytea,
  fallback boolean not null default false,   -- offer the fallback manifest of release_id
  ask_counter bigint not null default 0,
  updated_at timestamptz not null default now(),
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade,
  foreign key (project_id, release_id) references release (project_id, id) on delete set null (release_id)
) with (fillfactor = 70);
create index desired_state_revision_idx on desired_state (project_id, revision);

-- ---------------------------------------------------------------- telemetry

-- Element-wise sums and extremes of integer arrays; a missing tail counts as absent, so arrays may differ in length.
create function array_sum(a bigint[], b bigint[]) returns bigint[] language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a else
    (select array_agg(coalesce(x, 0) + coalesce(y, 0) order by i) from unnest(a, b) with ordinality as t (x, y, i)) end
$$;
create function array_least(a bigint[], b bigint[]) returns bigint[] language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a else
    (select array_agg(least(x, y) order by i) from unnest(a, b) with ordinality as t (x, y, i)) end
$$;
create function array_greatest(a bigint[], b bigint[]) returns bigint[] language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a else
    (select array_agg(greatest(x, y) order by i) from unnest(a, b) with ordinality as t (x, y, i)) end
$$;

-- One ingest transaction. folded_at is set in the transaction that adds its sums to the rollups.
create table telemetry_batch (
  id bigint generated always as identity primary key,
  rows integer not null,
  window_min timestamptz not null,           -- prunes partitions when the batch is folded
  window_max timestamptz not null,
  created_at timestamptz not null default now(),
  folded_at timestamptz
);
create index telemetry_batch_open_idx on telemetry_batch (id) where folded_at is null;

-- Raw windows, partitioned by UTC day of the window's start (never of arrival). No foreign keys: a row is
-- addressed by the authenticated topic, and deleting a project deletes its rows by query. The primary key serves a
-- device's windows too: within a day they are few enough to sort, and a second index costs each insert.
create table telemetry_window (
  project_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,                   -- uint64 as two's complement
  seq bigint not null,
  window_start timestamptz not null,
  window_ms integer not null,
  batch_id bigint not null,
  received_at timestamptz not null,
  component smallint not null,
  time_known boolean not null,
  model_version_id uuid not null,            -- nil UUID = a bundle the project does not know
  type_id uuid not null,
  site text not null,
  build_prefix bytea not null,               -- 8 bytes
  schema_crc bigint not null,
  n integer not null,
  confidence_bins smallint not null,
  classes bytea not null,                    -- packed histogram, as on the wire
  features bytea,                            -- CBOR array of feature summaries, as on the wire
  ood bytea,                                 -- packed histogram
  switches integer,
  saturated integer,
  stuck integer,
  dropped_frames integer,
  invalid integer,
  cycles_mean bigint,
  cycles_max bigint,
  arena_bytes bigint,
  stack_bytes bigint,
  battery_percent smallint,
  resets integer,
  first_index bigint,
  primary key (project_id, device_id, boot_id, seq, window_start)
) partition by range (window_start);
create index telemetry_window_start_idx on telemetry_window using brin (window_start) with (pages_per_range = 16);
create index telemetry_window_batch_idx on telemetry_window using brin (batch_id) with (pages_per_range = 16);

-- Idempotent and safe against a second maker: takes a lock that all makers share.
create function ensure_telemetry_day(day date) returns void language plpgsql as $$
declare part text := 'telemetry_window_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(part) is not null then return; end if;
  perform pg_advisory_xact_lock(7461, 2);
  -- Waiting for the lock leaves a cached "no such table" standing, so only the statement itself can tell.
  execute format('create table if not exists %I partition of telemetry_window for values from (%L) to (%L)', part,
    (day::timestamp at time zone 'UTC'), ((day + 1)::timestamp at time zone 'UTC'));
end $$;

-- Sums by hour; site '' = none. Histograms are unpacked, class-major; features are flattened feature-major.
create table rollup_hour (
  project_id uuid not null references project (id) on delete cascade,
  model_version_id uuid not null,
  type_id uuid not null,
  site text not null,
  hour timestamptz not null,
  schema_crc bigint not null,
  confidence_bins smallint not null,
  windows bigint not null,
  n bigint not null,
  classes bigint[] not null,                 -- classes x confidence_bins
  ood bigint[],
  feature_counts bigint[],                   -- features x 16
  feature_sums bigint[],                     -- features x (n, sum, sum of squares)
  feature_min bigint[],
  feature_max bigint[],
  counters bigint[] not null,                -- switches, saturated, stuck, dropped frames, invalid, resets
  cycles_sum numeric not null default 0,     -- sum of mean * n
  cycles_max bigint not null default 0,
  primary key (project_id, model_version_id, type_id, site, hour, schema_crc, confidence_bins)
) with (fillfactor = 70);
create index rollup_hour_hour_idx on rollup_hour (project_id, hour);

create table rollup_device_day (
  project_id uuid not null,
  device_id uuid not null,
  day date not null,                         -- UTC
  model_version_id uuid not null,
  type_id uuid not null,
  site text not null,
  schema_crc bigint not null,
  confidence_bins smallint not null,
  windows bigint not null,
  n bigint not null,
  classes bigint[] not null,
  ood bigint[],
  feature_counts bigint[],
  feature_sums bigint[],
  feature_min bigint[],
  feature_max bigint[],
  counters bigint[] not null,
  cycles_sum numeric not null default 0,
  cycles_max bigint not null default 0,
  primary key (project_id, device_id, day, model_version_id, schema_crc, confidence_bins),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 70);
create index rollup_device_day_day_idx on rollup_device_day (project_id, day);

-- One inference that was kept for labelling, from either side: the device's pick and the label meet in one row,
-- whichever comes first. The statement that completes a row also adds it to accuracy_hour, so each counts once.
create table prediction (
  project_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,
  inference_index bigint not null,
  at timestamptz,                            -- start of the window that carried the pick
  model_version_id uuid,
  type_id uuid,
  site text,
  predicted smallint,
  confidence smallint,                       -- 0..255
  label smallint,
  label_source text,
  primary key (project_id, device_id, boot_id, inference_index),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
) with (fillfactor = 80);

create index prediction_at_idx on prediction (project_id, at);

create table accuracy_hour (
  project_id uuid not null references project (id) on delete cascade,
  model_version_id uuid not null,
  type_id uuid not null,
  site text not null,
  hour timestamptz not null,
  label smallint not null,
  predicted smallint not null,
  n bigint not null,
  confidence_sum bigint not null,
  primary key (project_id, model_version_id, type_id, site, hour, label, predicted)
) with (fillfactor = 70);
create index accuracy_hour_hour_idx on accuracy_hour (project_id, hour);

-- Messages that were refused, counted, never stored. device_id nil = unknown device.
create table ingest_refusal (
  project_id uuid not null references project (id) on delete cascade,
  device_id uuid not null,
  day date not null,
  code text not null,                        -- registered error code
  count bigint not null,
  last_at timestamptz not null,
  sample bytea,                              -- first bytes of the last refused payload
  primary key (project_id, device_id, day, code)
) with (fillfactor = 70);
