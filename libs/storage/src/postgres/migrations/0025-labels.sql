-- Baselines of builds, labels by confidence, the queue of labels, and samples that devices send.

-- What validation data said when it ran through the firmware's code: histograms at the monitors' edges and how many predictions in
-- each bin were right. Kept apart from the report, because every estimate reads it.
create table build_baseline (
  project_id uuid not null,
  build_id uuid not null,
  model_version_id uuid not null,
  schema_crc bigint not null,                -- of the monitors: windows with the same one are comparable
  data jsonb not null,                       -- contracts Baseline
  created_at timestamptz not null default now(),
  primary key (project_id, build_id),
  foreign key (project_id, build_id) references build (project_id, id) on delete cascade
);
create index build_baseline_version_idx on build_baseline (project_id, model_version_id, schema_crc);

insert into build_baseline (project_id, build_id, model_version_id, schema_crc, data)
select project_id, id, model_version_id, coalesce((report -> 'needs' ->> 'schemaCrc')::bigint, 0),
  (report -> 'validation') - 'confusion' || '{"features": [], "ood": null}'
from build where state = 'succeeded' and report #> '{validation,histogram}' is not null and report #> '{validation,correct}' is not null;

-- Calibration needs the bin of the confidence, and estimates only labels whose predictions chance chose.
alter table accuracy_hour
  add column confidence_bin smallint,        -- confidence / 16, 0..15
  add column by_chance boolean not null default true;
update accuracy_hour set confidence_bin = least(15, confidence_sum / n / 16);
alter table accuracy_hour
  alter column confidence_bin set not null,
  drop constraint accuracy_hour_pkey,
  add primary key (project_id, model_version_id, type_id, site, hour, label, predicted, confidence_bin, by_chance);

-- Predictions that somebody has looked at, or is to look at. What is only due has no row: the queue finds it in prediction.
create table label_task (
  project_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,
  inference_index bigint not null,
  reason text not null,                      -- chance | unsure | asked
  state text not null,                       -- open | claimed | skipped | done
  note text not null default '',             -- why it was asked for, or skipped
  claimed_by text,
  claimed_until timestamptz,
  created_at timestamptz not null default now(),
  primary key (project_id, device_id, boot_id, inference_index),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);
create index label_task_open_idx on label_task (project_id, created_at) where state in ('open', 'claimed');

-- Two halves of what has no label: one is read in an order of chance, which depends on nothing that was predicted, the other with the
-- least sure first.
create function chance_of(boot_id bigint, inference_index bigint) returns integer language sql immutable parallel safe as $$
  select hashint8extended(inference_index, boot_id)::bit(32)::integer
$$;
create index prediction_chance_idx on prediction (project_id, chance_of(boot_id, inference_index))
  where label is null and predicted is not null and chance_of(boot_id, inference_index) < 0;
create index prediction_unsure_idx on prediction (project_id, confidence)
  where label is null and predicted is not null and chance_of(boot_id, inference_index) >= 0;

-- Whether devices of a project may send what they measured. No row: they may not.
create table sample_settings (
  project_id uuid primary key references project (id) on delete cascade,
  enabled boolean not null,
  retention_days integer not null,
  bytes_per_device_day bigint not null
);

create table sample (
  project_id uuid not null,
  id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,                   -- uint64 as two's complement
  inference_index bigint not null,
  build_prefix bytea not null,
  ask bigint not null,                       -- counter of the command it answers; 0 = of its own accord
  bytes integer not null,                    -- of the whole
  encoding smallint not null,                -- 0 int8, 1 int16, low byte first
  predicted smallint,
  confidence smallint,                       -- 0..255
  received_at timestamptz not null,          -- of its first part
  data bytea,                                -- null: parts are missing
  primary key (project_id, id),
  constraint sample_inference_key unique (project_id, device_id, boot_id, inference_index),
  constraint sample_device_fkey foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);
create index sample_received_idx on sample (project_id, received_at);

create table sample_part (
  project_id uuid not null,
  sample_id uuid not null,
  at_byte integer not null,
  data bytea not null,
  primary key (project_id, sample_id, at_byte),
  foreign key (project_id, sample_id) references sample (project_id, id) on delete cascade
);

-- What of its daily budget a device has used; a sample is charged whole when it begins.
create table sample_day (
  project_id uuid not null,
  device_id uuid not null,
  day date not null,                         -- UTC
  bytes bigint not null,
  refused integer not null default 0,        -- samples that the budget had no room for
  primary key (project_id, device_id, day),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);
